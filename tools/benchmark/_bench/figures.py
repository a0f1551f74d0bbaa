"""Plots of the tables, with colours that colour-blind readers can tell."""
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import matplotlib

matplotlib.use('Agg')  # files only: no display is needed

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.ticker import LogLocator  # noqa: E402

from . import paper  # noqa: E402
from .firing_rates import Rates, mean_rates  # noqa: E402
from .suite import SYSTEMS  # noqa: E402
from .summary import (Summary, mean_energy, rows_of, splits_of,  # noqa: E402
                      summarise)
from .tables import RULES, Results, has_energy  # noqa: E402

# Okabe and Ito's palette; shapes tell series apart as well.
OURS, THEIRS = '#0072B2', '#D55E00'
SECTION_STYLES = {
    '2D ANN': ('#E69F00', 's'),
    '3D ANN': ('#D55E00', '^'),
    'SNN': ('#009E73', 'v'),
    'ReSpike': ('#0072B2', 'o'),
}
RULE_STYLES = dict(paper=('#009E73', 's'), strict=('#CC79A7', '^'))
LINE_COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00',
               '#56B4E9', '#000000')
LINE_MARKERS = 'o^svDXP*'
ACCURACY = 'top-1 accuracy (%)'
Point = Tuple[str, Optional[Summary], Optional[float]]  # name, ours, paper's


def all_figures(datasets: Sequence[Results], out: Path) -> List[Path]:
    """Draw every figure for which there are runs, as PNG files."""
    sections = dict(table1=SYSTEMS, table2=('Depth', ),
                    ablation=('Ablation', ))
    paths = []
    for name, parts in sections.items():
        panels = [(data, points(data, parts)) for data in datasets]
        if any(rows for _, rows in panels):
            paths.append(save(draw_dots(panels), out / f'{name}.png'))
    for data in datasets:
        if rows_of(data['runs'], 'Stride'):
            path = out / f'stride_{data["suite"]}.png'
            paths.append(save(draw_stride(data), path))
        if has_energy(data):
            path = out / f'accuracy_energy_{data["suite"]}.png'
            paths.append(save(draw_tradeoff(data), path))
        rates = mean_rates(data)
        if rates:
            path = out / f'firing_rates_{data["suite"]}.png'
            paths.append(save(draw_rates(rates, data['title']), path))
    return paths


def points(data: Results, sections: Sequence[str]) -> List[Point]:
    """Ours and the paper's accuracy of every row in these sections."""
    splits = splits_of(data['runs'])
    return [(name, summarise(runs, 'top1', splits),
             paper.accuracy(section, runs[0]['paper'], data['paper']))
            for section in sections
            for name, runs in rows_of(data['runs'], section).items()]


def draw_dots(panels: Sequence[Tuple[Results, List[Point]]]) -> plt.Figure:
    """One panel a data set, one line a row: ours with spread, the paper's."""
    tallest = max(len(rows) for _, rows in panels)
    figure, axes = plt.subplots(
        1, len(panels), squeeze=False, layout='constrained',
        figsize=(5.5 * len(panels), 1.6 + 0.32 * tallest))
    for axis, (data, rows) in zip(axes[0], panels):
        for y, (_, ours, theirs) in enumerate(rows):
            if theirs is not None:
                axis.plot(theirs, y, 'D', color=THEIRS, mfc='none')
            if ours:
                axis.errorbar(ours.mean, y, xerr=ours.std or 0, fmt='o',
                              color=OURS, capsize=3)
        axis.set_yticks(range(len(rows)), [name for name, *_ in rows])
        axis.invert_yaxis()
        axis.grid(axis='x', alpha=0.3)
        axis.set(title=data['title'], xlabel=ACCURACY)
        axis.plot([], [], 'o', color=OURS, label='ours, ± std over seeds')
        if any(theirs is not None for *_, theirs in rows):
            axis.plot([], [], 'D', color=THEIRS, mfc='none',
                      label=f'paper, {data["paper"]}')
        axis.legend(fontsize='small')
    return figure


def draw_stride(data: Results) -> plt.Figure:
    """Accuracy and, where it was measured, energy over the stride."""
    rows = rows_of(data['runs'], 'Stride')
    strides = [int(name.removeprefix('s=')) for name in rows]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.6), layout='constrained')
    shown = points(data, ['Stride'])
    ours = [(s, p[1]) for s, p in zip(strides, shown) if p[1]]
    theirs = [(s, p[2]) for s, p in zip(strides, shown) if p[2] is not None]
    left.errorbar([s for s, _ in ours], [x.mean for _, x in ours],
                  yerr=[x.std or 0 for _, x in ours], fmt='o-', color=OURS,
                  capsize=3, label='ours, ± std over seeds')
    if theirs:
        left.plot(*zip(*theirs), 'D--', color=THEIRS, mfc='none',
                  label=f'paper, {data["paper"]}')
    left.set(title=f'{data["title"]}: accuracy', ylabel=ACCURACY)
    for rule in RULES:
        color, marker = RULE_STYLES[rule]
        line = [(s, mean_energy(runs, rule, 'energy_mj'))
                for s, runs in zip(strides, rows.values())]
        line = [(s, value) for s, value in line if value is not None]
        if line:
            right.plot(*zip(*line), f'{marker}-', color=color,
                       label=f'{rule} rule')
    right.set(title=f'{data["title"]}: energy', ylabel='energy (mJ per clip)')
    if not right.lines:
        right.text(0.5, 0.5, 'not measured', ha='center', va='center',
                   transform=right.transAxes)
    for axis in (left, right):
        axis.set_xscale('log', base=2)
        axis.set_xticks(strides, map(str, strides))
        axis.set_xlabel('key-frame stride s')
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize='small')
    return figure


def draw_tradeoff(data: Results) -> plt.Figure:
    """Accuracy over energy, as in the paper's figure 1b, c.

    A line joins ReSpike's strides.
    """
    figure, axes = plt.subplots(
        1, len(RULES), figsize=(11, 4.5), sharey=True, layout='constrained')
    splits = splits_of(data['runs'])
    for axis, rule in zip(axes, RULES):
        for section, (color, marker) in SECTION_STYLES.items():
            label = section
            rows = rows_of(data['runs'], section).items()
            for i, (name, runs) in enumerate(rows):
                energy = mean_energy(runs, rule, 'energy_mj')
                ours = summarise(runs, 'top1', splits)
                if energy is None or ours is None:
                    continue
                axis.errorbar(energy, ours.mean, yerr=ours.std or 0,
                              fmt=marker, color=color, label=label, capsize=3)
                # Neighbours of a section's names: above and below in turn.
                axis.annotate(name, (energy, ours.mean), (4, 4 - 13 * (i % 2)),
                              textcoords='offset points', fontsize='x-small')
                label = None  # once in the legend
        strides = [(mean_energy(runs, rule, 'energy_mj'),
                    summarise(runs, 'top1', splits), name) for name, runs in
                   rows_of(data['runs'], 'Stride').items()]
        strides = [x for x in strides if None not in x]
        axis.plot([x for x, *_ in strides], [y.mean for _, y, _ in strides],
                  '.-', color=OURS, alpha=0.5)
        for x, y, name in strides:
            axis.annotate(name, (x, y.mean), (5, -10),
                          textcoords='offset points', fontsize='x-small')
        axis.set(title=f'{data["title"]}: {rule} rule', xscale='log',
                 xlabel='energy (mJ per clip)')
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter('{x:g}')
        axis.xaxis.set_minor_formatter('')
        axis.margins(0.2, 0.12)  # the names need room
        axis.grid(alpha=0.3)
        if axis.containers:
            axis.legend(fontsize='small')
    axes[0].set_ylabel(ACCURACY)
    return figure


def draw_rates(rates: Rates, title: str) -> plt.Figure:
    """Firing rates over depth: ReSpike's strides, and the other systems."""
    ours = {k: v for k, v in rates.items() if k.startswith('ReSpike')}
    others = {k: v for k, v in rates.items() if k not in ours}
    figure, axes = plt.subplots(
        1, 2, figsize=(11, 4.5), sharey=True, layout='constrained')
    for axis, part, what in ((axes[0], ours, 'ReSpike by stride'),
                             (axes[1], others, 'other systems')):
        layers = list(dict.fromkeys(x for line in part.values() for x in line))
        for i, (name, line) in enumerate(part.items()):
            axis.plot([layers.index(x) for x in line], list(line.values()),
                      color=LINE_COLORS[i % len(LINE_COLORS)], label=name,
                      marker=LINE_MARKERS[i % len(LINE_MARKERS)])
        axis.set_xticks(range(len(layers)), layers, rotation=90,
                        fontsize='x-small')
        axis.set(title=f'{title}: {what}', xlabel='layer of neurons')
        axis.grid(alpha=0.3)
        if part:
            axis.legend(fontsize='small')
    axes[0].set(ylabel='spikes per neuron and time step', ylim=(0, None))
    return figure


def save(figure: plt.Figure, path: Path) -> Path:
    """Write a figure and forget it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
