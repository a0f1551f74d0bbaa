"""Multi-scale cross-attention between spiking and key-frame features."""
from contextlib import contextmanager
from typing import Dict, Iterator, Optional, Sequence, Tuple, Union

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..common.checkpointing import recompute, recomputes
from ..common.fusion_block import FusionBlock
from ..common.options import check_positive


@MODELS.register_module()
class CrossAttentionNeck(BaseModule):
    """One fusion block per stage (ReSpike section 4.3, equations 7, 8).

    Fusion is interleaved with the spiking stages: the owner calls the neck
    after a stage and feeds the result to the next one. HybridReSpike fills in
    ``in_channels`` and ``context_channels`` from its two backbones.

    Args:
        in_channels: Width of the spiking map of every stage.
        context_channels: Width of the key frame's map of every stage.
        reductions: Pooling factor of both maps before the attention, per
            stage. Defaults to (4, 2, 1, 1), used in all the paper's runs:
            14x14 tokens at stages 1-3 and 7x7 at stage 4 for a 224 input.
        full_resolution_identity: Keep the spiking map at full resolution
            beside the pooled attention. Defaults to False, the authors' way.
        stages: Stages that fuse, counted from 0. Defaults to all; the
            authors' network without reduction skips stage 0.
        head_channels: Width of an attention head. Defaults to 32.
        num_groups: Groups of the normalisation in front. Defaults to 32.
        checkpoint: What the backward pass recomputes; from ``'attention'``
            on the blocks, see :mod:`~respike_mm.models.common.checkpointing`.
            Defaults to ``'none'``.
        init_cfg: Initialisation; PyTorch's by default.

    Raises:
        ValueError: If the per-stage options differ in length, a number is
            not above zero, or there is no such stage or checkpoint level.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 context_channels: Sequence[int],
                 reductions: Sequence[int] = (4, 2, 1, 1),
                 full_resolution_identity: bool = False,
                 stages: Sequence[int] = (0, 1, 2, 3),
                 head_channels: int = 32,
                 num_groups: int = 32,
                 checkpoint: str = 'none',
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if not len(in_channels) == len(context_channels) == len(reductions):
            raise ValueError(
                'CrossAttentionNeck: in_channels, context_channels and '
                'reductions need one value per stage, got '
                f'{in_channels}, {context_channels} and {reductions}')
        check_positive('CrossAttentionNeck', reductions=reductions,
                       head_channels=head_channels, num_groups=num_groups)
        unknown = set(stages) - set(range(len(in_channels)))
        if unknown:
            raise ValueError(f'CrossAttentionNeck: no such stages {unknown} '
                             f'among {len(in_channels)}')
        self.recompute_blocks = recomputes(checkpoint, 'attention')
        self.blocks = nn.ModuleDict({
            str(i): FusionBlock(
                channels=in_channels[i],
                context_channels=context_channels[i],
                head_channels=head_channels,
                num_groups=num_groups,
                reduction=reductions[i],
                full_resolution_identity=full_resolution_identity)
            for i in sorted(stages)
        })

    def remember(self, context: Tensor, stage: int) -> Tuple[Tensor, ...]:
        """What fusion needs of a key frame, computed once for many calls.

        Args:
            context: Key frame's map of that stage ``[N, C', H', W']``.
            stage: Which stage, counted from 0.

        Returns:
            Keys and values ``[N, heads, M, d]``, which :meth:`forward` takes
            in the map's place; nothing at a stage that does not fuse.
        """
        if str(stage) not in self.blocks:
            return ()
        return self.blocks[str(stage)].remember(context)

    def forward(self, x: Tensor, context: Union[Tensor, Tuple[Tensor, ...]],
                stage: int) -> Tensor:
        """Fuse one stage.

        Args:
            x: Spiking map of all time steps ``[S, N, C, H, W]``.
            context: Key frame's map of that stage ``[N, C', H', W']``, or
                what :meth:`remember` made of it.
            stage: Which stage, counted from 0.

        Returns:
            The fused map, the shape of ``x``; ``x`` itself at a stage that
            does not fuse.
        """
        if str(stage) not in self.blocks:
            return x
        block = self.blocks[str(stage)]
        if self.recompute_blocks:
            return recompute(block, x, context, owner=block)
        return block(x, context)

    @contextmanager
    def record_attention(self) -> Iterator[Dict[int, Tensor]]:
        """Collect the cross-attention of the last forward pass inside.

        Yields:
            A dict, filled by each forward pass: stage to weights
            ``[S, N, heads, L, M]`` (query tokens ``L``, key-frame tokens
            ``M``, each row summing to one), detached.
        """
        maps, handles = {}, []
        for name, fusion in self.blocks.items():

            @torch.no_grad()
            def record(attn, args, output, stage=int(name)):
                # [N, h, S, L, M] -> [S, N, h, L, M]
                maps[stage] = attn.weights(*args).movedim(2, 0)

            handles.append(
                fusion.block.cross_attn.register_forward_hook(record))
        try:
            yield maps
        finally:
            for handle in handles:
                handle.remove()
