"""Convolutions, the weight's gradient by whichever library is faster.

Shapes: ``N`` batch (times time), ``C, H, W`` map.
"""
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .blas import blas_beats_onednn, may_choose
from .weight_gradient import convolution_gradients


class _Convolution(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Optional[Tensor],
                *geometry: Tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return F.conv2d(x, weight, bias, *geometry)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        x, weight = ctx.saved_tensors
        grad_x, grad_weight = convolution_gradients(
            grad, x, weight, *ctx.geometry, ctx.needs_input_grad[:2])
        grad_bias = None
        if ctx.needs_input_grad[2]:
            grad_bias = grad.sum((0, 2, 3))
        return grad_x, grad_weight, grad_bias, None, None, None


def convolution(x: Tensor,
                weight: Tensor,
                bias: Optional[Tensor] = None,
                stride: Tuple[int, int] = (1, 1),
                padding: Tuple[int, int] = (0, 0),
                dilation: Tuple[int, int] = (1, 1)) -> Tensor:
    """``F.conv2d`` of one group. Where BLAS computes gradients of weights
    faster, those are products of matrices, once differentiable.

    Args:
        x: ``[N, C, H, W]``, such that :func:`~.blas.may_choose`.
        weight: ``[C', C, *kernel]``.
        bias: ``[C']``.
        stride, padding, dilation: As in ``F.conv2d``, but that 1x1 kernels
            alone may be dilated.
    """
    function = (
        _Convolution.apply if blas_beats_onednn() and weight.requires_grad
        and torch.is_grad_enabled() else F.conv2d)
    return function(x, weight, bias, stride, padding, dilation)


class Convolution(nn.Conv2d):
    """``nn.Conv2d`` by :func:`convolution`, without groups or dilation."""

    def forward(self, x: Tensor) -> Tensor:
        if not may_choose(x) or x.dim() != 4:
            return super().forward(x)
        return convolution(x, self.weight, self.bias, self.stride,
                           self.padding)
