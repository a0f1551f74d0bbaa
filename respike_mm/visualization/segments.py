"""Key frames and residual frames as the sampler hands them over.

Shapes: ``V`` clips and crops of a sample, ``K`` segments of ``s`` frames, of
which ``S = s - 1`` are residual frames, ``C = 3``, ``H, W`` a frame.
"""
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ..datasets.transforms.functional import split_key_residual
from .palette import SIGNED


class Segments(NamedTuple):
    """One clip.

    Args:
        key: Key frames ``[K, H, W, 3]``, uint8.
        residual: Residual frames ``[K, S, H, W, 3]``, int16.
    """
    key: Tensor
    residual: Tensor

    @property
    def frames(self) -> Tensor:
        """All frames of the clip in order, ``[K * s, H, W, 3]`` uint8."""
        key = self.key[:, None].short()
        frames = torch.cat([key, key + self.residual], dim=1)
        return frames.flatten(0, 1).clamp(0, 255).to(torch.uint8)


def segments_of(inputs: Tensor, view: int = 0) -> Segments:
    """Take one clip out of the packed inputs of a sample.

    Args:
        inputs: ``[V, K, s, 3, H, W]`` of ``KeyResidualSampler``: int16 with
            residual frames (``emit='both'``), or uint8 frames (``emit=
            'segments'``), whose residuals are taken here.
        view: Which clip or crop.

    Raises:
        ValueError: If the inputs are not segments, or there is no such view.
    """
    if inputs.dim() != 6 or inputs.shape[3] != 3 or inputs.shape[2] < 2:
        raise ValueError(
            'expected segments [V, K, s, 3, H, W], got '
            f'{list(inputs.shape)}; the pipeline must end with '
            "KeyResidualSampler(emit='both' or 'segments')")
    if not 0 <= view < len(inputs):
        raise ValueError(f'there is no view {view}: the sample has clips and '
                         f'crops 0 to {len(inputs) - 1}')
    clip = inputs[view].permute(0, 1, 3, 4, 2)  # [K, s, H, W, 3]
    if inputs.dtype != torch.uint8:
        return Segments(clip[:, 0].to(torch.uint8), clip[:, 1:].short())
    key, residual = split_key_residual(clip.flatten(0, 1), clip.shape[1])
    return Segments(key.to(torch.uint8), residual)


def sparsity(residual: Tensor, threshold: int = 0) -> float:
    """Percent of values whose magnitude does not exceed ``threshold``.

    Args:
        residual: Residual frames of any shape.
        threshold: In grey levels, 0 to 255.
    """
    return 100 * (residual.abs() <= threshold).double().mean().item()


def signed_limit(residual: Tensor) -> float:
    """End of a symmetric colour scale, in grey levels, at least 1.

    The 99.5th percentile of the magnitudes: a few extreme pixels would
    otherwise leave all the others white.
    """
    values = residual.double().mean(-1).abs().flatten()
    rank = max(int(0.995 * len(values)), 1)
    return max(values.kthvalue(rank).values.item(), 1.)


def show_residual(axis, residual: Tensor, limit: float):
    """Show ``[H, W, 3]``, averaged over RGB, white where nothing changed."""
    axis.set_xticks([])
    axis.set_yticks([])
    change = residual.float().mean(-1).numpy()
    return axis.imshow(change, cmap=SIGNED, vmin=-limit, vmax=limit)


def draw_segments(segments: Segments, title: str,
                  threshold: int = 0) -> Figure:
    """One row per segment: its key frame, then its residual frames.

    Args:
        segments: The clip.
        title: Heading.
        threshold: Of :func:`sparsity`, written over every residual frame.
    """
    num_rows, num_steps = segments.residual.shape[:2]
    figure = Figure((1.7 * (num_steps + 1) + 1, 1.9 * num_rows + .7),
                    layout='constrained')
    axes = figure.subplots(num_rows, num_steps + 1, squeeze=False)
    limit = signed_limit(segments.residual)
    bound = '= 0' if threshold == 0 else f'within ±{threshold}'
    for k, row in enumerate(axes):
        row[0].imshow(segments.key[k].numpy())
        row[0].set_title(f'frame {k * (num_steps + 1)}: key', fontsize=9)
        row[0].set_xticks([])
        row[0].set_yticks([])
        for i, axis in enumerate(row[1:]):
            residual = segments.residual[k, i]
            image = show_residual(axis, residual, limit)
            axis.set_title(f'+{i + 1}: {sparsity(residual, threshold):.0f} % '
                           f'{bound}', fontsize=9)
    figure.colorbar(image, ax=axes, shrink=.8, extend='both',
                    label='frame minus key frame (grey levels, mean of RGB)')
    whole = sparsity(segments.residual, threshold)
    figure.suptitle(f'{title}\n{whole:.1f} % of residual values {bound}',
                    fontsize=10, parse_math=False)
    return figure
