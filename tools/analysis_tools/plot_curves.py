"""Training curves of one or several runs.

    python tools/analysis_tools/plot_curves.py curves.png \\
        work_dirs/a work_dirs/b --keys loss lr acc/top1

Each run is a work dir (its latest training) or a ``scalars.json``. TensorBoard
shows the same scalars: ``tensorboard --logdir work_dirs``.
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _common  # noqa: E402


def scalars_of(path: Path) -> Path:
    """The file of a run.

    Raises:
        SystemExit: If there is none.
    """
    if path.is_file():
        return path
    found = sorted(path.glob('*/vis_data/scalars.json'))
    if not found:
        raise SystemExit(f'{path} holds no */vis_data/scalars.json')
    return found[-1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='a .png')
    parser.add_argument('runs', type=Path, nargs='+')
    parser.add_argument('--keys', nargs='+', default=['loss', 'acc/top1'])
    parser.add_argument('--names', nargs='+', help='of the runs, for the '
                        'legend (default: their paths)')
    parser.add_argument('--title', default='Training')
    args = parser.parse_args()
    names = args.names or list(map(str, args.runs))
    if len(names) != len(args.runs):
        parser.error(f'{len(args.runs)} runs need as many --names')
    _common.import_plugin()
    from respike_mm.visualization.curve_figures import (draw_curves,
                                                        read_scalars)
    try:
        runs = {name: read_scalars(scalars_of(path))
                for name, path in zip(names, args.runs)}
        figure = draw_curves(runs, args.keys, args.title)
    except ValueError as error:
        raise SystemExit(f'error: {error}') from None
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=100)
    print(args.out)


if __name__ == '__main__':
    main()
