"""One residual frame of ReSpike, as a function of explicit state.

Shapes: ``B`` streams, ``C, H, W`` a frame or map.
"""
from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..common.stage_features import as_stages
from ..common.stepping import step_by_step
from .hybrid_respike import HybridReSpike


class SegmentState(NamedTuple):
    """What a segment's residual frames have left behind.

    Attributes:
        membranes: Potential of every neuron, ``[B, C, H, W]`` each.
        total: Sum of the spiking branch's last maps ``[B, C, H, W]``.
        steps: Residual frames so far, a scalar.
    """
    membranes: List[Tensor]
    total: Tensor
    steps: Tensor


class ReSpikeStep(nn.Module):
    """The network of a :class:`HybridReSpike` for single frames.

    It shares the recognizer's weights and keeps nothing between calls.

    Args:
        model: The recognizer. Its head's ``segment_scores`` may use the time
            steps' maps by their mean alone, as ``ReSpikeHead`` does.

    Raises:
        ValueError: If the spiking branch cannot run step by step.
    """

    def __init__(self, model: HybridReSpike) -> None:
        super().__init__()
        self.backbone = model.backbone
        self.snn_backbone, self.tape = step_by_step(model.snn_backbone)
        self.neck = model.neck if model.with_neck else None
        self.cls_head = model.cls_head

    def key_maps(self, key: Tensor) -> Tuple[Tensor, ...]:
        """The ANN's map of every stage, for a key frame ``[B, C, H, W]``."""
        key = key.contiguous(memory_format=torch.channels_last)
        return as_stages(self.backbone(key))

    def forward(self,
                residual: Tensor,
                key_maps: Sequence[Tensor],
                state: Optional[SegmentState] = None
                ) -> Tuple[Tensor, SegmentState]:
        """Run the spiking branch on one frame.

        Args:
            residual: Normalised residual frames ``[B, C, H, W]``.
            key_maps: Maps of the segment's key frame, see :meth:`key_maps`.
            state: What the segment's frames before left; None for its first.

        Returns:
            Logits ``[B, num_classes]`` of the segment as far as it has come,
            and the state for its next frame.
        """
        before = None if state is None else state.membranes
        with self.tape.playing(before) as membranes:
            x = self.snn_backbone.forward_stem(residual[None])
            for stage, key_map in enumerate(key_maps):
                x = self.snn_backbone.forward_stage(x, stage)
                if self.neck is not None:
                    x = self.neck(x, key_map, stage)
        total, steps = x[0], x.new_ones(())
        if state is not None:
            total, steps = total + state.total, steps + state.steps
        mean = (total / steps)[None]  # a sequence of one step
        logits = self.cls_head.segment_scores((key_maps[-1], mean))
        return logits, SegmentState(membranes, total, steps)
