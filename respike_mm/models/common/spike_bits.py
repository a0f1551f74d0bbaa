"""Spikes as bits: what is kept of them from forward to backward pass."""
import torch
import torch.nn.functional as F
from torch import Tensor

# Eight bytes of zeros and ones are one 64-bit word. A product with the first
# constant gathers their bits in its top byte; one with the second spreads a
# byte over all eight, where the third picks another bit of each.
_GATHER = 0x0102040810204080
_SPREAD = 0x0101010101010101
_PICK = 0x8040201008040201 - (1 << 64)  # as a signed number


def pack_spikes(spikes: Tensor) -> Tensor:
    """Zeros and ones ``[N, H, W, C]``, or in any shape, to bits.

    Returns:
        ``[ceil(elements / 8)]`` uint8.
    """
    flat = spikes.to(torch.int8, copy=True).reshape(-1)
    if len(flat) % 8:
        flat = F.pad(flat, (0, -len(flat) % 8))
    words = flat.view(torch.int64)
    return words.mul_(_GATHER).bitwise_right_shift_(56).to(torch.uint8)


def unpack_spikes(bits: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of :func:`pack_spikes`.

    Args:
        bits: Its result.
        shape: Of the spikes.

    Returns:
        Zeros and ones of that shape, uint8.
    """
    words = bits.to(torch.int64).mul_(_SPREAD).bitwise_and_(_PICK)
    return words.view(torch.uint8)[:shape.numel()].clamp_(max=1).view(shape)
