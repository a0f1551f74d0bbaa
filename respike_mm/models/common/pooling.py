"""Average pooling that keeps nothing for the backward pass.

PyTorch's keeps its input, of which it reads the shape alone.

Shapes: ``N`` batch (times time), ``C, H, W`` map.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

avg_pool2d_backward = torch.ops.aten.avg_pool2d_backward.grad_input


class _AveragePool(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x: Tensor, factor: int) -> Tensor:
        ctx.factor, ctx.shape = factor, x.shape
        ctx.layout = (torch.contiguous_format
                      if x.is_contiguous() else torch.channels_last)
        return F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        # The gradient stands in for the input: shape and layout are the same.
        grad_x = torch.empty(
            ctx.shape, dtype=grad.dtype, device=grad.device,
            memory_format=ctx.layout)
        avg_pool2d_backward(
            grad, grad_x, [ctx.factor] * 2, [ctx.factor] * 2, [0, 0], True,
            False, None, grad_input=grad_x)
        return grad_x, None


def average_pool(x: Tensor, factor: int) -> Tensor:
    """Average over ``factor x factor`` cells of ``[N, C, H, W]``.

    Cells at the border average what they hold, so that any size works and an
    odd map shrinks exactly as by a 3x3 convolution of stride 2 and padding 1;
    where ``factor`` divides the map this is plain average pooling.
    """
    if (torch.compiler.is_compiling() or not torch.is_grad_enabled()
            or not x.requires_grad):
        return F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
    return _AveragePool.apply(x, factor)


class AveragePool2d(nn.AvgPool2d):
    """``nn.AvgPool2d`` by :func:`average_pool`; stride is the cell's size."""

    def __init__(self, factor: int) -> None:
        super().__init__(factor, ceil_mode=True, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        return average_pool(x, self.kernel_size)
