"""Run a suite of systems on a data set, then tabulate the results.

    python tools/benchmark/run.py motion_shapes --seeds 0 1 2

trains and tests every row of tools/benchmark/suites/motion_shapes.yaml with
each seed. Run the same command again to continue: finished runs are not
repeated, interrupted ones go on from their last checkpoint, failed ones are
tried again. With --collect-only, all seeds and splits that have a finished
run are tabulated. Records in the tables' results_SUITE.json that are in no
run's folder are kept. See docs/benchmark.md.
"""
import argparse
import sys
from pathlib import Path
from typing import List, Optional

from _bench.commands import Tools
from _bench.errors import BenchmarkError
from _bench.execute import Task, execute_all
from _bench.files import write_text
from _bench.overview import Live, listing, overview
from _bench.plan import Request, finished, plan
from _bench.records import join, take_over
from _bench.report import load_results, only_here, write_report
from _bench.results import collect, in_suite_order, write_results
from _bench.runs import FAILED, state
from _bench.suite import Suite, load_suite
from mmengine.config import DictAction

INTERRUPTED = 130  # the shell's code for Ctrl-C
INTERVAL = 5  # seconds between looks at the running runs


def positive(text: str) -> int:
    """Read a number that is at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('suite', help='one of tools/benchmark/suites, or a YAML file')
    add('--work-dir', type=Path,
        help='folder for runs and results (default: work_dirs/bench/SUITE)')
    add('--out', type=Path,
        help='folder for tables and figures (default: tables/ in the work '
        'dir)')
    add('--seeds', type=int, nargs='+',
        help='each row is run once with each (default: 0; with '
        '--collect-only all that have a finished run)')
    add('--splits', type=positive, nargs='+',
        help="of the data set's splits (default: 1; with --collect-only all "
        'that have a finished run)')
    add('--only', nargs='+', default=[], metavar='NAME',
        help='these rows or sections only; patterns such as "E*" work')
    add('--epochs', type=positive,
        help="in place of the configs'; schedules are adapted")
    add('--jobs', type=positive, default=1,
        help='runs at a time; they share the cores (default: 1)')
    add('--gpus', type=positive, default=1,
        help='processes of each run (default: 1)')
    add('--amp', action='store_true', help='train in mixed precision')
    add('--energy-samples', type=positive, default=0, metavar='N',
        help='measure energy on so many validation samples')
    add('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='for training and testing, of every run')
    add('--earlier', type=Path, nargs='+', default=[], metavar='RESULTS.json',
        help='runs in these files are not repeated, and are tabulated too')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--collect-only', action='store_true',
                      help='run nothing; tabulate what is finished')
    what.add_argument('--dry-run', action='store_true',
                      help='list the runs with their states and stop')
    return parser


def main(argv: Optional[List[str]] = None,
         tools: Optional[Path] = None) -> int:
    """Run the script.

    Args:
        argv: The arguments, by default those of the process.
        tools: Folder of other tools than the project's; for tests.

    Returns:
        0, or 1 if a run has failed, or 130 after Ctrl-C.
    """
    args = build_parser().parse_args(argv)
    options = dict(args.cfg_options or {})
    if args.amp:
        options['optim_wrapper.type'] = 'AmpOptimWrapper'
    request = Request(args.seeds or [0], args.splits or [1], args.only,
                      args.epochs, options)
    how = Tools(gpus=args.gpus, energy_samples=args.energy_samples)
    if tools:
        how = how._replace(folder=tools)
    try:
        return run(load_suite(args.suite), request, how, args)
    except BenchmarkError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted; run the same command to continue',
              file=sys.stderr)
        return INTERRUPTED


def run(suite: Suite, request: Request, tools: Tools,
        args: argparse.Namespace) -> int:
    """Plan, execute, tabulate."""
    work_dir = args.work_dir or Path('work_dirs/bench', suite.name)
    out = args.out or work_dir / 'tables'
    datasets = [load_results(path) for path in args.earlier]
    if args.collect_only:
        seeds, splits = finished(suite, work_dir, datasets)
        request = request._replace(
            seeds=args.seeds or seeds or request.seeds,
            splits=args.splits or splits or request.splits)
    planned = plan(suite, work_dir, request)
    earlier, runs = take_over(datasets, suite.name, planned)
    tasks = [Task(run, state(run)) for run in runs]
    if args.dry_run:
        print(listing(tasks, tools) + overview(tasks, args.jobs), end='')
        return 0
    if not args.collect_only:
        live = Live(sys.stdout)

        def report() -> None:
            # Before the text: a run that ends meanwhile must show next time.
            states = [task.state for task in tasks]
            text = overview(tasks, args.jobs)
            try:
                write_text(work_dir / 'overview.txt', text)
            except OSError as error:  # no reason to end what is training
                print(f'overview.txt was not written: {error}',
                      file=sys.stderr)
            live.show(text, states)

        execute_all(tasks, tools, args.jobs, INTERVAL, report)
    results, = join([*earlier, collect(suite, runs)])
    kept = only_here(out, results, planned, work_dir)
    results['runs'] = in_suite_order(suite, [*results['runs'], *kept])
    paths = write_results(work_dir, results) + write_report([results], out)
    print(''.join(f'{path}\n' for path in paths), end='')
    if kept:
        print(f'{len(kept)} records are kept from the tables before, since no '
              f'run is in {work_dir} for them; to be rid of them, remove '
              f'{out / f"results_{suite.name}.json"} first', file=sys.stderr)
    return int(any(task.state == FAILED for task in tasks))


if __name__ == '__main__':
    sys.exit(main())
