"""Linear layers and 1x1 convolutions, through oneDNN on CPU.

Both multiply a matrix of tokens with a matrix of weights. On CPU PyTorch
leaves float32 products to its BLAS, and on one thread 1x1 convolutions of few
images too. With AVX-512 oneDNN's convolution was about twice as fast on an AMD
processor; with AVX2 alone it is faster for many tokens, by a tenth, and BLAS
for few and for gradients of weights (docs/performance.md). PyTorch has no
switch for it, but always takes oneDNN for dilated convolutions, and dilation
means nothing to a kernel of one pixel.
"""
from typing import Optional

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import wrappers
from torch import Tensor, nn

from .blas import blas_beats_onednn, may_choose
from .convolution import Convolution, convolution

# For fewer tokens the weights dominate, which BLAS reads as they are; and
# PyTorch keeps oneDNN for single images of more elements than this.
_MIN_TOKENS, _MIN_TOKENS_AVX2, _MIN_ELEMENTS = 128, 2048, 20480
# MMCV's only adds a case for empty tensors in old versions of PyTorch.
_PLAIN_CONVOLUTIONS = (nn.Conv2d, wrappers.Conv2d)


def _prefers_onednn(x: Tensor, num_tokens: int) -> bool:
    """Many float32 tokens on CPU, in PyTorch's own hands."""
    if not may_choose(x):  # nor compare sizes, which a compiler would fix
        return False
    least = _MIN_TOKENS_AVX2 if blas_beats_onednn() else _MIN_TOKENS
    return num_tokens >= least and x.numel() > _MIN_ELEMENTS


def linear(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """``F.linear`` of ``[..., D]`` and ``[D', D]`` to ``[..., D']``."""
    if not _prefers_onednn(x, x[..., 0].numel()):
        return F.linear(x, weight, bias)
    # All tokens as the one row of one channels-last image.
    row = x.reshape(1, 1, -1, x.shape[-1]).movedim(3, 1)
    out = convolution(row, weight[:, :, None, None], bias, dilation=(2, 2))
    return out.movedim(1, 3).reshape(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """``nn.Linear`` by :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class PointwiseConv2d(nn.Conv2d):
    """1x1 convolution through oneDNN."""

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if not _prefers_onednn(x, x[:, 0].numel()):
            return super().forward(x)
        return convolution(x, self.weight, self.bias, dilation=(2, 2))


def convert_convolutions(module: nn.Module) -> nn.Module:
    """Turn the plain convolutions inside into :class:`PointwiseConv2d` and
    :class:`~.convolution.Convolution`, but for strided ones of one pixel.

    In place and under the same names; only how they are computed changes.
    """
    for child in module.modules():
        if (type(child) not in _PLAIN_CONVOLUTIONS or child.groups != 1
                or child.dilation != (1, 1) or child.padding_mode != 'zeros'
                or isinstance(child.padding, str)):
            continue
        if child.kernel_size != (1, 1):
            child.__class__ = Convolution
        elif child.stride == (1, 1) and child.padding == (0, 0):
            child.__class__ = PointwiseConv2d
    return module
