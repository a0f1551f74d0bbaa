"""One residual frame of ReSpike, as a function of explicit state.

Shapes: ``B`` streams, ``C, H, W`` a frame or map.
"""
from typing import List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from ..common.stage_features import as_stages
from ..common.stepping import step_by_step
from .hybrid_respike import HybridReSpike


class KeyFrame(NamedTuple):
    """What a segment's residual frames need of its key frame.

    Attributes:
        memory: What the fusion of every stage needs: keys and values
            ``[B, heads, M, d]``, or nothing where it does not fuse.
        last: The ANN's last map ``[B, C, H, W]``, for the head.
    """
    memory: List[Tuple[Tensor, ...]]
    last: Tensor


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
        ValueError: If the spiking branch cannot run step by step, or the
            neck has no ``remember``.
    """

    def __init__(self, model: HybridReSpike) -> None:
        super().__init__()
        self.backbone = model.backbone
        self.snn_backbone, self.tape = step_by_step(model.snn_backbone)
        self.neck = model.neck if model.with_neck else None
        if self.neck is not None and not hasattr(self.neck, 'remember'):
            raise ValueError(
                f'{type(self.neck).__name__} cannot fuse frame by frame: it '
                'needs a method `remember` like that of CrossAttentionNeck')
        self.cls_head = model.cls_head

    def key_frame(self, key: Tensor) -> KeyFrame:
        """Run the ANN on a normalised key frame ``[B, C, H, W]``."""
        key = key.contiguous(memory_format=torch.channels_last)
        maps = as_stages(self.backbone(key))
        memory = [() if self.neck is None else self.neck.remember(x, stage)
                  for stage, x in enumerate(maps)]
        return KeyFrame(memory, maps[-1])

    def forward(self,
                residual: Tensor,
                key_frame: KeyFrame,
                state: Optional[SegmentState] = None
                ) -> Tuple[Tensor, SegmentState]:
        """Run the spiking branch on one frame.

        Args:
            residual: Normalised residual frames ``[B, C, H, W]``.
            key_frame: The segment's, see :meth:`key_frame`.
            state: What the segment's frames before left; None for its first.

        Returns:
            Logits ``[B, num_classes]`` of the segment as far as it has come,
            and the state for its next frame.
        """
        before = None if state is None else state.membranes
        with self.tape.playing(before) as membranes:
            x = self.snn_backbone.forward_stem(residual[None])
            for stage, memory in enumerate(key_frame.memory):
                x = self.snn_backbone.forward_stage(x, stage)
                if self.neck is not None:
                    x = self.neck(x, memory, stage)
        total, steps = x[0], x.new_ones(())
        if state is not None:
            total, steps = total + state.total, steps + state.steps
        mean = (total / steps)[None]  # a sequence of one step
        logits = self.cls_head.segment_scores((key_frame.last, mean))
        return logits, SegmentState(membranes, total, steps)
