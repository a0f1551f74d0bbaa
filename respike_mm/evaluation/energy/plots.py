"""Plots of energy reports and of accuracy against energy."""
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...visualization.palette import COLOURS
from .report import EnergyReport


def plot_report(report: EnergyReport, path: Path, title: str) -> None:
    """Energy by branch under every rule, and firing rates by layer."""
    rates = report.firing_rates
    figure = Figure((11 if rates else 6, 4.5), layout='constrained')
    axes = figure.subplots(1, 2 if rates else 1, squeeze=False)
    _stack_branches(axes[0, 0], report)
    if rates:
        _bar_rates(axes[0, 1], rates)
    figure.suptitle(title, parse_math=False)
    figure.savefig(path, dpi=120)


def _stack_branches(axis: Axes, report: EnergyReport) -> None:
    positions = range(len(report.rules))
    bottom = [0.] * len(report.rules)
    for index, (name, totals) in enumerate(report.branches.items()):
        energy = [totals[rule]['energy_mj'] for rule in report.rules]
        axis.bar(positions, energy, bottom=bottom, label=name, width=0.6,
                 color=COLOURS[index % len(COLOURS)])
        bottom = [a + b for a, b in zip(bottom, energy)]
    for position, total in zip(positions, bottom):
        axis.annotate(f'{total:.3g}', (position, total), (0, 2),
                      textcoords='offset points', ha='center')
    axis.set_xticks(list(positions), [f'rule {r}' for r in report.rules])
    axis.set_ylabel('energy per clip (mJ)')
    axis.set_ylim(0, 1.1 * max(bottom) or 1)
    axis.legend()


def _bar_rates(axis: Axes, rates: Dict[str, float]) -> None:
    positions = list(range(len(rates)))
    axis.barh(positions, list(rates.values()), color=COLOURS[0])
    axis.set_yticks(positions, list(rates), fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel('spikes per neuron and time step')


class Point(NamedTuple):
    """One system in an accuracy-energy plot.

    Args:
        label: Name of the system.
        energy_mj: Energy per clip.
        accuracy: In percent.
        spread: Standard deviation of the accuracy over seeds.
        group: Systems of one group share a colour and, where there are
            several, a line.
    """
    label: str
    energy_mj: float
    accuracy: float
    spread: Optional[float] = None
    group: str = ''


def plot_accuracy_energy(points: Sequence[Point], path: Path, title: str,
                         rule: str, log: bool = True) -> None:
    """Accuracy against energy, as figures 1b, 1c and 5 of the paper.

    Args:
        points: The systems.
        path: Image to write.
        title: Heading, such as the data set.
        rule: The counting rule behind the energies.
        log: Logarithmic energy axis; spiking and dense networks lie orders
            of magnitude apart.

    Raises:
        ValueError: If there is no point, or an energy is not positive.
    """
    if not points or any(not p.energy_mj > 0 for p in points):
        raise ValueError('plot_accuracy_energy needs at least one system, '
                         'each with a positive energy')
    figure = Figure((7, 5), layout='constrained')
    axis = figure.subplots()
    groups: List[str] = list(dict.fromkeys(p.group for p in points))
    for index, group in enumerate(groups):
        members = sorted((p for p in points if p.group == group),
                         key=lambda p: p.energy_mj)
        colour = COLOURS[index % len(COLOURS)]
        axis.errorbar([p.energy_mj for p in members],
                      [p.accuracy for p in members],
                      yerr=[p.spread or 0. for p in members],
                      fmt='o-' if group and members[1:] else 'o',
                      color=colour, capsize=3, label=group or None)
    _annotate(axis, points)
    if log:
        axis.set_xscale('log')
    axis.margins(x=0.15, y=0.12)
    axis.set_xlabel(f'energy per clip (mJ), rule {rule}')
    axis.set_ylabel('top-1 accuracy (%)')
    axis.set_title(title)
    axis.grid(alpha=0.3)
    if any(groups):
        axis.legend()
    figure.savefig(path, dpi=120)


def _annotate(axis: Axes, points: Sequence[Point]) -> None:
    """Labels above and below in turn, so that neighbours keep apart."""
    for index, point in enumerate(sorted(points, key=lambda p: p.energy_mj)):
        above = index % 2 == 0
        axis.annotate(point.label, (point.energy_mj, point.accuracy),
                      xytext=(0, 9 if above else -9), fontsize=8,
                      textcoords='offset points', ha='center',
                      va='bottom' if above else 'top')
