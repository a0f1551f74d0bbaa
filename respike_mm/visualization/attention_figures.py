"""Pictures of cross-attention: panels of a figure, or frames of a video."""
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from .attention import (Size, StageAttention, busiest_token, cell_box,
                        token_at, top_tokens)
from .palette import INTENSITY
from .segments import Segments, show_residual, signed_limit

_DIMMED = 0.35  # brightness of what is not among the top-k tokens
_TINT = 0.55


class Glance(NamedTuple):
    """One query token and what it attends to.

    Args:
        frame: Number of the residual frame in the clip.
        key: Key frame ``[H, W, 3]`` uint8.
        residual: Residual frame ``[H, W, 3]`` int16.
        query: The query token, and the rows and columns of its grid.
        row: Weights ``[M]`` of the key-frame tokens.
        key_grid: Rows and columns of the key-frame tokens.
    """
    frame: int
    key: Tensor
    residual: Tensor
    query: Tuple[int, Size]
    row: Tensor
    key_grid: Size


def glance_at(attention: StageAttention,
              clip: Segments,
              segment: int,
              step: int,
              view: int = 0,
              query: Optional[Tuple[int, int]] = None,
              head: Optional[int] = None) -> Glance:
    """Look at one residual frame.

    Args:
        attention: Of a stage, for all clips of a sample.
        clip: One of them.
        segment, step: Which residual frame of the clip, counted from 0.
        view: Which of the sample's clips it is.
        query: Column and row of the query token's pixel; None takes the
            token with the largest motion energy.
        head: Which head; None is the mean of all.

    Raises:
        ValueError: If there is no such frame, pixel or head.
    """
    num_segments, num_steps, *size = clip.residual.shape[:4]
    if not (0 <= segment < num_segments and 0 <= step < num_steps):
        raise ValueError(f'a clip has segments 0 to {num_segments - 1} of '
                         f'steps 0 to {num_steps - 1}, got segment {segment}, '
                         f'step {step}')
    residual, grid = clip.residual[segment, step], attention.query_grid
    token = busiest_token(residual, grid) if query is None else token_at(
        *query, tuple(size), grid)
    # The segments of all views follow one another.
    row = attention.row(step, view * num_segments + segment, token, head)
    return Glance(segment * (num_steps + 1) + step + 1, clip.key[segment],
                  residual, (token, grid), row.cpu(), attention.key_grid)


def weight_scale(glances: Sequence[Glance]) -> Normalize:
    """Colour scale from the smallest to the largest weight of all."""
    rows = torch.stack([glance.row for glance in glances])
    return Normalize(rows.min().item(), rows.max().item())


def overlay(key: Tensor, row: Tensor, grid: Size, k: int,
            scale: Normalize) -> np.ndarray:
    """The key frame, dimmed but for the top-k tokens, tinted by weight.

    Args:
        key: Key frame ``[H, W, 3]`` uint8.
        row: Weights ``[M]``.
        grid: Rows and columns of the tokens.
        k: How many stand out.
        scale: Of the weights' colours.

    Returns:
        ``[H, W, 3]`` uint8.
    """
    size = key.shape[:2]
    picture = key.numpy() * _DIMMED
    for token in top_tokens(row, k):
        left, top, width, height = cell_box(token, size, grid)
        cell = (slice(round(top), round(top + height)),
                slice(round(left), round(left + width)))
        colour = np.multiply(INTENSITY(scale(row[token].item()))[:3], 255)
        picture[cell] = (1 - _TINT) * key[cell].numpy() + _TINT * colour
    return picture.round().astype(np.uint8)


def draw_attention(glances: Sequence[Glance], k: int, title: str) -> Figure:
    """A column per query: residual frame, key frame, attended tokens.

    Args:
        glances: One for a still, several for a strip.
        k: Key-frame tokens that stand out.
        title: Heading.
    """
    names = ('residual frame', 'key frame', f'its top-{k} tokens')
    still = len(glances) == 1
    shape = (1, 3) if still else (3, len(glances))
    figure = Figure((2.4 * shape[1] + 1.6, 2.3 * shape[0] + .8),
                    layout='constrained')
    axes = figure.subplots(*shape, squeeze=False)
    columns = axes if still else axes.T
    scale = weight_scale(glances)
    change = signed_limit(torch.stack([g.residual for g in glances]))
    for glance, column in zip(glances, columns):
        _fill(column, glance, k, scale, change)
        for axis, name in zip(column, names):
            if still:
                axis.set_title(name, fontsize=9)
        if not still:
            column[0].set_title(f'frame {glance.frame}', fontsize=9)
    if not still:
        for axis, name in zip(axes[:, 0], names):
            axis.set_ylabel(name, fontsize=9)
    percent = Normalize(100 * scale.vmin, 100 * scale.vmax)
    uniform = 100 / len(glances[0].row)
    figure.colorbar(ScalarMappable(percent, INTENSITY),
                    ax=axes, shrink=.8, label='attention weight (%); '
                    f'uniform is {uniform:.1f}')
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def _fill(column: Sequence[Axes], glance: Glance, k: int, scale: Normalize,
          change: float) -> None:
    show_residual(column[0], glance.residual, change)
    column[1].imshow(glance.key.numpy())
    column[2].imshow(
        overlay(glance.key, glance.row, glance.key_grid, k, scale))
    query, grid = glance.query
    left, top, width, height = cell_box(query, glance.key.shape[:2], grid)
    for axis in column:
        axis.set_xticks([])
        axis.set_yticks([])
        for colour, line in (('black', 3.5), ('#F0E442', 1.8)):
            axis.add_patch(
                Rectangle((left - .5, top - .5), width, height, fill=False,
                          edgecolor=colour, linewidth=line))


def attention_frames(glances: Sequence[Glance], frames: Tensor, k: int,
                     zoom: int) -> List[np.ndarray]:
    """A video: the clip on the left, the attended tokens on the right.

    Args:
        glances: One for each residual frame of the clip, in order.
        frames: All frames of the clip ``[T, H, W, 3]`` uint8; those without
            a glance are key frames, shown as they are.
        k: Key-frame tokens that stand out.
        zoom: Whole number by which pixels are enlarged.

    Returns:
        ``T`` frames ``[zoom * H, zoom * 2 W, 3]`` uint8.
    """
    scale = weight_scale(glances)
    by_frame = {glance.frame: glance for glance in glances}
    video = []
    for number, frame in enumerate(frames):
        left, glance = frame.numpy(), by_frame.get(number)
        right = left if glance is None else overlay(
            glance.key, glance.row, glance.key_grid, k, scale)
        both = np.concatenate([left, right], axis=1)
        both = both.repeat(zoom, 0).repeat(zoom, 1)
        if glance is not None:
            _outline(both, glance, zoom)
        video.append(both)
    return video


def _outline(picture: np.ndarray, glance: Glance, zoom: int) -> None:
    """Frame the query's cell, in place, in the left half."""
    query, grid = glance.query
    left, top, width, height = (
        round(zoom * x)
        for x in cell_box(query, glance.key.shape[:2], grid))
    box = picture[top:top + height, left:left + width]
    line = max(zoom // 2, 1)
    for edge in (box[:line], box[-line:], box[:, :line], box[:, -line:]):
        edge[:] = (240, 228, 66)
