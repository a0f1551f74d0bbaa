"""Accuracy against energy (paper, figures 1b, 1c and 5) from energy reports.

    python tools/analysis_tools/plot_accuracy_energy.py plot.png \\
        --point "ReSpike s=4" 84.5 runs/a/energy.json --group ReSpike \\
        --point "ResNet-50" 80.7 runs/b/energy.json

Every ``--point`` is a label, an accuracy in percent (``84.5``, or with its
standard deviation ``84.5,0.3``) and a report of ``energy.py`` or of
``EnergyHook``. ``--group`` joins the points in front of it (back to the
``--group`` before) by a line, such as the strides of one network.
"""
import argparse
import json
from pathlib import Path
from typing import List

from respike_mm.evaluation.energy import Point, plot_accuracy_energy


class _Group(argparse.Action):
    """Names the group of the points read since the last one."""

    def __call__(self, parser, namespace, value, option_string=None):
        grouped = sum(size for _, size in namespace.groups)
        size = len(namespace.point) - grouped
        if not size:
            parser.error(f'--group {value} stands behind no --point')
        namespace.groups = [*namespace.groups, (value, size)]


def read_point(label: str, accuracy: str, path: str, rule: str) -> Point:
    """One system.

    Raises:
        SystemExit: If the accuracy is no number, or the report has no such
            rule.
    """
    try:
        total = json.loads(Path(path).read_text())['totals'][rule]
        mean, _, spread = accuracy.partition(',')
        return Point(label, total['energy_mj'], float(mean),
                     float(spread) if spread else None)
    except ValueError as error:
        raise SystemExit(f'--point {label!r}: {error}') from None
    except (KeyError, OSError) as error:
        raise SystemExit(f'--point {label!r}: {path} is no energy report '
                         f'under the rule {rule!r} ({error!r})') from None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='image to write')
    parser.add_argument(
        '--point',
        nargs=3,
        action='append',
        default=[],
        required=True,
        metavar=('LABEL', 'TOP1', 'ENERGY.json'))
    parser.add_argument('--group', action=_Group, dest='groups', default=[])
    parser.add_argument('--rule', default='strict')
    parser.add_argument('--title', default='Accuracy and energy')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    groups: List[str] = []
    start = 0
    for name, size in args.groups:
        groups += [name] * size
        start += size
    groups += [''] * (len(args.point) - start)
    points = [
        read_point(*given, args.rule)._replace(group=group)
        for given, group in zip(args.point, groups)
    ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_accuracy_energy(points, args.out, args.title, args.rule)
    print(args.out)


if __name__ == '__main__':
    main()
