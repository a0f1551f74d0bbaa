"""Weight gradient of a convolution by matrix products.

With AVX2 alone MKL multiplies gradients and windows 1.4 times as fast as oneDNN
computes the weight gradient of 3x3 convolutions, the copying of windows
included (docs/performance.md).

Shapes: ``N`` batch (times time), ``C, H, W`` input, ``C', H', W'`` output.
"""
from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .blas import blas_beats_onednn

# Windows of so many elements (8 MiB) a product: few enough that they add
# little to the memory of a step.
_MAX_ELEMENTS = 2**21


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
    rows, columns = padding
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, columns, columns, rows, rows))
    # A view of [N, H', W', *kernel, C].
    windows = padded.unfold(1, kernel[0], stride[0]).unfold(
        2, kernel[1], stride[1]).permute(0, 1, 2, 4, 5, 3)
    channels, elements = grad.shape[1], windows[0, 0, 0].numel()
    total = grad.new_zeros(channels, elements)
    images = max(1, _MAX_ELEMENTS // windows[0].numel())
    for part, part_grad in zip(
            windows.split(images), grad.permute(0, 2, 3, 1).split(images)):
        total.addmm_(part_grad.reshape(-1, channels).t(),
                     part.reshape(-1, elements))
    return total.view(channels, *kernel, -1).permute(0, 3, 1, 2)
