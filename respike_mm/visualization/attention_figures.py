"""Pictures of cross-attention: panels of a figure, or frames of a video."""
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from .attention import Size, cell_box, top_tokens
from .palette import INTENSITY
from .segments import show_residual, signed_limit

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


def overlay(key: Tensor, row: Tensor, grid: Size, k: int,
            limit: float) -> np.ndarray:
    """The key frame, dimmed but for the top-k tokens, tinted by weight.

    Args:
        key: Key frame ``[H, W, 3]`` uint8.
        row: Weights ``[M]``.
        grid: Rows and columns of the tokens.
        k: How many stand out.
        limit: Weight at the end of the colour scale.

    Returns:
        ``[H, W, 3]`` uint8.
    """
    size = key.shape[:2]
    picture = key.numpy() * _DIMMED
    for token in top_tokens(row, k):
        left, top, width, height = cell_box(token, size, grid)
        cell = (slice(round(top), round(top + height)),
                slice(round(left), round(left + width)))
        colour = np.multiply(INTENSITY(min(row[token].item() / limit, 1)), 255)
        picture[cell] = (1 - _TINT) * key[cell].numpy() + _TINT * colour[:3]
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
    limit = max(glance.row.max().item() for glance in glances)
    change = signed_limit(torch.stack([g.residual for g in glances]))
    for glance, column in zip(glances, columns):
        _fill(column, glance, k, limit, change)
        for axis, name in zip(column, names):
            if still:
                axis.set_title(name, fontsize=9)
        if not still:
            column[0].set_title(f'frame {glance.frame}', fontsize=9)
    if not still:
        for axis, name in zip(axes[:, 0], names):
            axis.set_ylabel(name, fontsize=9)
    uniform = 100 / len(glances[0].row)
    figure.colorbar(ScalarMappable(Normalize(0, 100 * limit), INTENSITY),
                    ax=axes, shrink=.8, label='attention weight (%); '
                    f'uniform is {uniform:.1f}')
    figure.suptitle(title, fontsize=10)
    return figure


def _fill(column: Sequence[Axes], glance: Glance, k: int, limit: float,
          change: float) -> None:
    show_residual(column[0], glance.residual, change)
    column[1].imshow(glance.key)
    column[2].imshow(
        overlay(glance.key, glance.row, glance.key_grid, k, limit))
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
                     scale: int) -> List[np.ndarray]:
    """A video: the clip on the left, the attended tokens on the right.

    Args:
        glances: One for each residual frame of the clip, in order.
        frames: All frames of the clip ``[T, H, W, 3]`` uint8; those without
            a glance are key frames, shown as they are.
        k: Key-frame tokens that stand out.
        scale: Whole number by which pixels are enlarged.

    Returns:
        ``T`` frames ``[scale * H, scale * 2 W, 3]`` uint8.
    """
    limit = max(glance.row.max().item() for glance in glances)
    by_frame = {glance.frame: glance for glance in glances}
    video = []
    for number, frame in enumerate(frames):
        left, glance = frame.numpy(), by_frame.get(number)
        right = left if glance is None else overlay(
            glance.key, glance.row, glance.key_grid, k, limit)
        both = np.concatenate([left, right], axis=1)
        both = both.repeat(scale, 0).repeat(scale, 1)
        if glance is not None:
            _outline(both, glance, scale)
        video.append(both)
    return video


def _outline(picture: np.ndarray, glance: Glance, scale: int) -> None:
    """Frame the query's cell, in place, in the left half."""
    query, grid = glance.query
    left, top, width, height = (
        round(scale * x)
        for x in cell_box(query, glance.key.shape[:2], grid))
    box = picture[top:top + height, left:left + width]
    line = max(scale // 2, 1)
    for edge in (box[:line], box[-line:], box[:, :line], box[:, -line:]):
        edge[:] = (240, 228, 66)
