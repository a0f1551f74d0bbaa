"""oneDNN's 1x1 kernel for AVX2 (torch 2.15) writes outside the weight gradient
of a strided convolution in channels last with fewer than eight channels, which
later aborts the process. A stride under a 1x1 kernel leaves out pixels; here
they are left out beforehand. Which kernel oneDNN takes cannot be asked, so all
CPUs are treated alike."""
from types import ModuleType
from typing import TYPE_CHECKING, Callable, Optional

from .patching import when_imported, wrap

if TYPE_CHECKING:
    from torch import Tensor, nn


def is_affected(conv: 'nn.Conv2d', x: 'Tensor') -> bool:
    """Tell whether the gradient of a convolution would meet the fault.

    Args:
        conv: The convolution.
        x: Its input, ``[..., C, H, W]``.
    """
    return (conv.in_channels < 8 and conv.kernel_size == (1, 1)
            and conv.stride != (1, 1) and conv.padding in ((0, 0), 'valid')
            and x.device.type == 'cpu' and not x.is_contiguous())


def _subsampled_beforehand(conv_forward: Callable) -> Callable:

    def _conv_forward(self: 'nn.Conv2d', x: 'Tensor', weight: 'Tensor',
                      bias: 'Optional[Tensor]') -> 'Tensor':
        if not is_affected(self, x):
            return conv_forward(self, x, weight, bias)
        from torch.nn import functional as F
        rows, columns = self.stride
        return F.conv2d(x[..., ::rows, ::columns], weight, bias,
                        groups=self.groups)

    return _conv_forward


def _patch(conv: ModuleType) -> None:
    wrap(conv.Conv2d, '_conv_forward', _subsampled_beforehand)


def apply() -> None:
    """Let narrow strided shortcuts train on a CPU with AVX2."""
    when_imported('torch.nn.modules.conv', _patch)
