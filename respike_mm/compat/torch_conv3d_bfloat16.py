"""oneDNN's bfloat16 kernel for AVX-512 (``jit_bf16:avx512_core_bf16``, as in
torch 2.15) leaves parts of a 3D convolution's weight gradient unwritten, or
writes outside it, where padding makes up for a clip shorter than the kernel:
two frames under a kernel of three, as in the last stage of I3D, R3D-18 and
C3D. There the padding is appended beforehand: the same output, and the kernel
stays within its input. Which kernel oneDNN takes cannot be asked, so all CPUs
are treated alike."""
from types import ModuleType
from typing import TYPE_CHECKING, Callable, Optional

from .patching import when_imported, wrap

if TYPE_CHECKING:
    from torch import Tensor, nn


def is_affected(conv: 'nn.Conv3d', x: 'Tensor') -> bool:
    """Tell whether the gradient of a convolution would meet the fault.

    Args:
        conv: The convolution.
        x: Its input, ``[..., C, T, H, W]``.
    """
    import torch
    if x.device.type != 'cpu' or conv.padding_mode != 'zeros' \
            or isinstance(conv.padding, str):
        return False
    dtype = torch.get_autocast_dtype('cpu') \
        if torch.is_autocast_enabled('cpu') else x.dtype
    extent = conv.dilation[0] * (conv.kernel_size[0] - 1) + 1
    return dtype == torch.bfloat16 and x.shape[-3] < extent


def _padded_beforehand(conv_forward: Callable) -> Callable:

    def _conv_forward(self: 'nn.Conv3d', x: 'Tensor', weight: 'Tensor',
                      bias: 'Optional[Tensor]') -> 'Tensor':
        if not is_affected(self, x):
            return conv_forward(self, x, weight, bias)
        from torch.nn import functional as F
        frames, *space = self.padding
        x = F.pad(x, (0, 0, 0, 0, frames, frames))
        return F.conv3d(x, weight, bias, self.stride, (0, *space),
                        self.dilation, self.groups)

    return _conv_forward


def _patch(conv: ModuleType) -> None:
    wrap(conv.Conv3d, '_conv_forward', _padded_beforehand)


def apply() -> None:
    """Let short clips train in bfloat16 on a CPU."""
    when_imported('torch.nn.modules.conv', _patch)
