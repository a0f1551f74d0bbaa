"""Tables, figures and claims from finished runs' results.

    python tools/benchmark/tables.py work_dirs/bench/ucf101 \
        work_dirs/bench/hmdb51 --out docs/results/paper

Each argument is a ``results.json`` of ``run.py``, or the folder it is in; the
tables get columns for each data set. Several of one suite are put together.
See docs/benchmark.md.
"""
import argparse
import sys
from pathlib import Path

from _bench.errors import BenchmarkError
from _bench.readme import fill_file
from _bench.records import join
from _bench.report import check_none_is_lost, load_results, write_report


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('results', nargs='*', type=Path)
    parser.add_argument('--out', type=Path, help='folder for the files')
    parser.add_argument(
        '--fill',
        type=Path,
        metavar='FILE.md',
        help='put tables into this page, between its lines '
        '<!-- table PATH --> and <!-- end table -->')
    args = parser.parse_args()
    if bool(args.results) != bool(args.out):
        parser.error('results and --out go together')
    try:
        if args.results:
            datasets = join([load_results(path) for path in args.results])
            for data in datasets:
                check_none_is_lost(data, args.out)
            for path in write_report(datasets, args.out):
                print(path)
        if args.fill:
            fill_file(args.fill)
    except BenchmarkError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
