"""Cross-attention fusion of two feature maps (ReSpike section 4.3).

Shapes: ``S`` time steps, ``N`` batch, ``C`` spiking channels, ``C'``
key-frame channels, ``H, W`` map, ``L`` tokens after reduction.
"""
from typing import Tuple

import torch.nn.functional as F
from mmengine.model import constant_init
from spikingjelly.activation_based.functional import seq_to_ann_forward
from torch import Tensor, nn

from .attention import Context, CrossAttentionBlock
from .made_again import keep_source
from .pointwise import PointwiseConv2d
from .pooling import average_pool


def pool_map(x: Tensor, factor: int) -> Tensor:
    """:func:`average_pool`; the map itself where there is nothing to pool."""
    return x if factor == 1 else average_pool(x, factor)


class FusionBlock(nn.Module):
    """One stage's fusion: spiking map queries the key frame's map.

    ::

        x [S,N,C,H,W] - pool - GroupNorm - 1x1 - attention - 1x1 - + - resize
                           \\_____________________________________/
        context [N,C',H,W] - pool ----------------^

    Args:
        channels: Width ``C``.
        context_channels: Width ``C'``.
        head_channels: Width of an attention head.
        num_groups: Groups of the first normalisation.
        reduction: Pooling factor before the attention, 1 for none.
        full_resolution_identity: Where the map is pooled, add the resized
            attention output to the map as it came instead of resizing the
            sum (the authors' way, which discards the map's fine detail).

    Raises:
        ValueError: If groups or heads do not divide the width.
    """

    def __init__(self, channels: int, context_channels: int,
                 head_channels: int, num_groups: int, reduction: int,
                 full_resolution_identity: bool) -> None:
        super().__init__()
        if channels % num_groups:
            raise ValueError(f'{channels} channels do not divide into '
                             f'{num_groups} groups; set num_groups')
        self.reduction = reduction
        self.full_resolution_identity = full_resolution_identity
        self.norm = nn.GroupNorm(num_groups, channels, eps=1e-6)
        self.proj_in = PointwiseConv2d(channels, channels)
        self.block = CrossAttentionBlock(channels, context_channels,
                                         head_channels)
        self.proj_out = PointwiseConv2d(channels, channels)
        # The fusion starts as the identity (up to the resizing).
        constant_init(self.proj_out, 0)

    def remember(self, context: Tensor) -> Tuple[Tensor, Tensor]:
        """All that fusion needs of a key frame's map ``[N, C', H', W']``.

        Its keys and values, which :meth:`forward` takes in the map's place.
        """
        return self.block.cross_attn.keys_values(self._tokens(context))

    def _tokens(self, context: Tensor) -> Tensor:
        """``[N, C', H', W']`` to ``[N, M, C']``."""
        return pool_map(context, self.reduction).flatten(2).transpose(1, 2)

    def _attend(self, x: Tensor, context: Context) -> Tensor:
        """Attention on pooled maps, back on their grid."""
        num_steps, (height, width) = x.shape[0], x.shape[3:]
        out = keep_source(self.norm, self.proj_in, x.flatten(0, 1))
        tokens = out.flatten(2).transpose(1, 2)  # [S * N, L, C]
        tokens = self.block(
            tokens.unflatten(0, (num_steps, -1)), context)  # [S, N, L, C]
        out = tokens.flatten(0, 1).transpose(1, 2)
        out = self.proj_out(out.unflatten(2, (height, width)))
        return out.unflatten(0, (num_steps, -1))

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Fuse.

        Args:
            x: Spiking map ``[S, N, C, H, W]``.
            context: Key frame's map ``[N, C', H', W']``, or what
                :meth:`remember` made of it.

        Returns:
            The shape of ``x``.
        """
        pooled = seq_to_ann_forward(x, lambda y: pool_map(y, self.reduction))
        if not isinstance(context, tuple):
            context = self._tokens(context)
        out = self._attend(pooled, context)
        if self.reduction == 1:
            return x + out
        if not self.full_resolution_identity:
            out = out + pooled
        out = seq_to_ann_forward(
            out, lambda y: F.interpolate(
                y, size=x.shape[3:], mode='bilinear', align_corners=False))
        return x + out if self.full_resolution_identity else out
