"""A system that is measured, and the segments that ReSpike takes.

Shapes: ``N`` clips of ``T`` frames ``[N, T, 3, H, W]``, ``K = T / s``
segments of ``s`` frames.
"""
from typing import Callable, NamedTuple

import torch
from torch import Tensor, nn


class System(NamedTuple):
    """A network and how it takes clips ``[N, T, 3, H, W]`` to logits."""
    name: str
    model: nn.Module
    forward: Callable[[nn.Module, Tensor], Tensor]
    bf16: bool = False

    def logits(self, clips: Tensor) -> Tensor:
        return self.forward(self.model, clips)


def segments(clips: Tensor, stride: int) -> Tensor:
    """Clips to key and residual frames ``[N, 1, K, s, 3, H, W]``."""
    frames = clips.unflatten(1, (-1, stride))
    key = frames[:, :, :1]
    return torch.cat([key, frames[:, :, 1:] - key], dim=2).unsqueeze(1)
