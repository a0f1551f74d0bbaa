"""Convolution of spikes that keeps them as bits.

The weight's gradient needs the input of a convolution, which autograd keeps
in float32. Spikes are zeros and ones, so a bit holds one exactly.

Shapes: ``N`` batch (times time), ``C, H, W`` map.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .spike_bits import pack_spikes, unpack_spikes
from .weight_gradient import convolution_gradients


class _SpikeConvolution(torch.autograd.Function):

    @staticmethod
    def forward(ctx, spikes: Tensor, weight: Tensor, stride: tuple,
                padding: tuple) -> Tensor:
        # [N, H, W, C] of channels-last spikes: bits in the order of memory.
        ctx.axes = (0, 1, 2, 3) if spikes.is_contiguous() else (0, 2, 3, 1)
        ordered = spikes.permute(ctx.axes)
        ctx.save_for_backward(pack_spikes(ordered), weight)
        ctx.shape, ctx.dtype = ordered.shape, spikes.dtype
        ctx.geometry = stride, padding
        return F.conv2d(spikes, weight, None, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        bits, weight = ctx.saved_tensors
        stride, padding = ctx.geometry
        spikes = unpack_spikes(bits, ctx.shape).to(grad.dtype)
        if ctx.axes != (0, 1, 2, 3):
            spikes = spikes.permute(0, 3, 1, 2)
        grad_spikes, grad_weight = convolution_gradients(
            grad, spikes, weight.to(grad.dtype), stride, padding, (1, 1),
            ctx.needs_input_grad[:2])
        if grad_spikes is not None:
            grad_spikes = grad_spikes.to(ctx.dtype)
        if grad_weight is not None:
            grad_weight = grad_weight.to(weight.dtype)
        return grad_spikes, grad_weight, None, None


class SpikeConv2d(nn.Conv2d):
    """``nn.Conv2d`` without bias for zeros and ones.

    Behind a neuron that emits anything else use ``nn.Conv2d``: the backward
    pass would see its values as bits.

    Args:
        in_channels: Channels of the spikes.
        out_channels: Channels of the result.
        kernel_size, stride, padding: As in ``nn.Conv2d``.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: int,
                 stride: int = 1,
                 padding: int = 0) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding,
            bias=False)

    def forward(self, spikes: Tensor) -> Tensor:
        """Spikes ``[N, C, H, W]`` to currents ``[N, C', H', W']``."""
        if not torch.is_grad_enabled() or self.bias is not None:
            return super().forward(spikes)  # a folded norm brings a bias
        return _SpikeConvolution.apply(spikes, self.weight, self.stride,
                                       self.padding)
