"""Gradients of a convolution, the weight's by matrix products.

With AVX2 alone MKL multiplies gradients and windows 1.4 to 1.5 times as fast
as oneDNN computes the weight gradient of convolutions, the copying of windows
included (docs/performance.md).

Shapes: ``N`` batch (times time), ``C, H, W`` input, ``C', H', W'`` output.
"""
from typing import Iterator, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .blas import blas_beats_onednn

convolution_backward = torch.ops.aten.convolution_backward
# Windows of so many elements (1 MiB) a product are still in the cache when
# they are multiplied; but of so many positions at least, over which a product
# of many channels pays. Measured on Zen 3.
_MAX_ELEMENTS, _MIN_POSITIONS = 2**18, 128


def convolution_gradients(
        grad: Tensor, x: Tensor, weight: Tensor, stride: Tuple[int, int],
        padding: Tuple[int, int], dilation: Tuple[int, int],
        wanted: Tuple[bool, bool]
) -> Tuple[Optional[Tensor], Optional[Tensor]]:
    """Gradients of a convolution's input and weight, each if it is wanted.

    Args:
        grad: Gradient of the output, ``[N, C', H', W']``.
        x: Input, ``[N, C, H, W]``.
        weight: ``[C', C, *kernel]``.
        stride, padding, dilation: By rows and columns. Dilation is for 1x1
            kernels alone, to which it means nothing.
        wanted: Whether the input's, whether the weight's.
    """
    products = wanted[1] and prefers_products(grad)
    for_x, for_weight, _ = convolution_backward(
        grad, x, weight, None, stride, padding, dilation, False, (0, 0), 1,
        (wanted[0], wanted[1] and not products, False))
    if products:
        for_weight = weight_gradient(x, grad, weight.shape[2:], stride,
                                     padding)
    return for_x, for_weight


def prefers_products(grad: Tensor) -> bool:
    """Whether :func:`weight_gradient` is the faster way for ``grad``.

    Args:
        grad: Gradient of the output, ``[N, C', H', W']``.
    """
    return (not torch.compiler.is_compiling() and grad.device.type == 'cpu'
            and grad.dtype == torch.float32
            and grad.is_contiguous(memory_format=torch.channels_last)
            and blas_beats_onednn())


def weight_gradient(x: Tensor, grad: Tensor, kernel: Tuple[int, int],
                    stride: Tuple[int, int],
                    padding: Tuple[int, int]) -> Tensor:
    """Gradient of a convolution's weight.

    Args:
        x: Input, ``[N, C, H, W]``, best channels last.
        grad: Gradient of the output, ``[N, C', H', W']``.
        kernel: Height and width.
        stride, padding: Of the convolution, by rows and columns.

    Returns:
        ``[C', C, *kernel]``, channels last.
    """
    padded = x.permute(0, 2, 3, 1)
    if any(padding):
        rows, columns = padding
        padded = F.pad(padded, (0, 0, columns, columns, rows, rows))
    # A view of [N, H', W', *kernel, C].
    windows = padded.unfold(1, kernel[0], stride[0]).unfold(
        2, kernel[1], stride[1]).permute(0, 1, 2, 4, 5, 3)
    channels, elements = grad.shape[1], windows[0, 0, 0].numel()
    total = grad.new_zeros(channels, elements)
    rows = max(_MAX_ELEMENTS // elements, _MIN_POSITIONS) // windows.shape[2]
    if windows.is_contiguous():  # there is nothing to copy
        rows = windows.shape[0] * windows.shape[1]
    for part, part_grad in zip(
            blocks(windows, rows), blocks(grad.permute(0, 2, 3, 1), rows)):
        total.addmm_(part_grad.reshape(-1, channels).t(),
                     part.reshape(-1, elements))
    return total.view(channels, *kernel, -1).permute(0, 3, 1, 2)


def blocks(maps: Tensor, rows: int) -> Iterator[Tensor]:
    """Split ``[N, H, ...]`` into whole maps, or if one is too large into rows.

    Args:
        maps: Any tensor of two dimensions or more.
        rows: Rows of a block, rounded down to whole maps; at least one.
    """
    for images in maps.split(max(1, rows // maps.shape[1])):
        yield from images.split(max(1, rows), dim=1)
