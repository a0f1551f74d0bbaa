"""Pictures of spikes: raster, rate maps, and layers side by side.

Shapes: ``K`` segments, ``S`` time steps of each, ``C, H, W`` a map. The
membrane starts from rest at every segment.
"""
from typing import Dict, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from .palette import COLOURS, INTENSITY
from .segments import show_residual, signed_limit
from .spikes import Activity

_CONDITIONS = {'ok': COLOURS[0], 'dead': COLOURS[7], 'saturated': COLOURS[5]}


def sample_neurons(spikes: Tensor, count: int) -> Tensor:
    """Neurons spread evenly over a layer.

    Args:
        spikes: ``[K * S, C, H, W]``.
        count: How many at most.

    Returns:
        ``[K * S, count]``.
    """
    flat = spikes.flatten(1)
    count = min(count, flat.shape[1])
    return flat[:, torch.arange(count) * flat.shape[1] // count]


def draw_raster(layers: Dict[str, Tensor], num_steps: int, title: str,
                neurons: int = 80) -> Figure:
    """Which neurons fire when.

    Args:
        layers: Layer to the spikes of one clip ``[K * S, C, H, W]``.
        num_steps: Time steps ``S`` of a segment.
        title: Heading.
        neurons: Rows of every panel.
    """
    figure = Figure((2.4 * len(layers) + .6, 4), layout='constrained')
    axes = figure.subplots(1, len(layers), squeeze=False)[0]
    for axis, (name, spikes) in zip(axes, layers.items()):
        chosen = sample_neurons(spikes, neurons)
        steps, rows = chosen.nonzero(as_tuple=True)
        axis.scatter(steps.numpy(), rows.numpy(), s=9, marker='s',
                     linewidths=0, color=COLOURS[0])
        rate = 100 * spikes.float().mean().item()
        axis.set_title(f'{_short(name)}\n{rate:.1f} % fire', fontsize=9)
        _separate(axis, len(chosen), num_steps)
        axis.set_ylim(chosen.shape[1] - .5, -.5)
        axis.set_xlabel('time step')
    axes[0].set_ylabel(f'{chosen.shape[1]} neurons, spread over the layer')
    figure.suptitle(f'{title}\nlines: a new segment, membranes at rest',
                    fontsize=10, parse_math=False)
    return figure


def _short(name: str) -> str:
    return name.removeprefix('snn_backbone.').removeprefix('backbone.')


def _separate(axis: Axes, total: int, num_steps: int) -> None:
    for start in range(num_steps, total, num_steps):
        axis.axvline(start - .5, color='0.6', linewidth=.8)
    axis.set_xlim(-.5, total - .5)
    axis.set_xticks(range(0, total, num_steps))


def draw_rate_maps(layers: Dict[str, Tensor], residual: Tensor,
                   title: str) -> Figure:
    """Residual frames, and below each the firing rates of every layer.

    Args:
        layers: Layer to the spikes of one clip ``[K * S, C, H, W]``.
        residual: Residual frames ``[K, S, H, W, 3]``.
        title: Heading.
    """
    frames = residual.flatten(0, 1)
    figure = Figure((.95 * len(frames) + 1.9, 1.02 * (len(layers) + 1) + .7),
                    layout='constrained')
    axes = figure.subplots(len(layers) + 1, len(frames), squeeze=False)
    limit = signed_limit(residual)
    for step, axis in enumerate(axes[0]):
        image = show_residual(axis, frames[step], limit)
        axis.set_title(f'{step // residual.shape[1]} : '
                       f'{step % residual.shape[1]}', fontsize=8)
    axes[0, 0].set_ylabel('residual', fontsize=8)
    figure.colorbar(image, ax=list(axes[0]), label='grey\nlevels')
    for row, (name, spikes) in zip(axes[1:], layers.items()):
        rates = 100 * spikes.float().mean(1)  # [K * S, H, W]
        top = max(rates.max().item(), 1e-6)
        for axis, rate in zip(row, rates):
            image = axis.imshow(rate.numpy(), cmap=INTENSITY, vmin=0, vmax=top)
            axis.set_xticks([])
            axis.set_yticks([])
        row[0].set_ylabel(_short(name), fontsize=8)
        figure.colorbar(image, ax=list(row), label='% of\nchannels')
    figure.suptitle(f'{title}\nfiring rate per place; columns are segment : '
                    'time step', fontsize=10, parse_math=False)
    return figure


def draw_layers(layers: Dict[str, Activity], dead_below: float,
                saturated_above: float, title: str) -> Figure:
    """Firing rate and silent channels of every neuron layer.

    Args:
        layers: Layer to its activity.
        dead_below, saturated_above: Rates outside are marked.
        title: Heading.
    """
    figure = Figure((8, .24 * len(layers) + 1.6), layout='constrained')
    left, right = figure.subplots(1, 2, sharey=True)
    states = [x.condition(dead_below, saturated_above)
              for x in layers.values()]
    places = np.arange(len(layers))
    left.barh(places, [100 * x.rate for x in layers.values()],
              color=[_CONDITIONS[state] for state in states])
    left.set_yticks(places, [_short(name) for name in layers], fontsize=8)
    left.invert_yaxis()
    left.set_xlabel('firing rate (% of neurons per time step)')
    present: Sequence[str] = [c for c in _CONDITIONS if c in states]
    if present != ['ok']:
        left.legend(handles=[Patch(color=_CONDITIONS[c], label=c)
                             for c in present])
    bars = right.barh(places, [100 * x.silent for x in layers.values()],
                      color=COLOURS[1])
    right.bar_label(bars, fmt='%.0f', padding=2, fontsize=7)
    right.set_xlabel('channels that never fire (%)')
    right.set_xlim(0, max([100 * x.silent for x in layers.values()] + [1])
                   * 1.12)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
