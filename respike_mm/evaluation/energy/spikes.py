"""Spikes among tensors: are they, how many, and what each one reaches."""
from functools import lru_cache
from math import prod
from typing import Sequence, Tuple

import torch
from torch import Tensor

# Float tensors show within the first few values; the rest is read in pieces
# that stay in the cache.
_PROBE, _CHUNK = 1 << 12, 1 << 17


def in_memory_order(x: Tensor) -> Tensor:
    """All values as one axis, without a copy for any dense layout."""
    if not x.is_contiguous():
        x = x.permute(sorted(range(x.dim()), key=x.stride, reverse=True))
    return x.reshape(-1)


def _only_zero_or_one(x: Tensor) -> bool:
    # 0 and 1 are the roots of v^2 - v; NaN and overflow are not equal to 0.
    low, high = torch.aminmax((x * x).sub_(x))
    return low.item() == 0 == high.item()


def is_binary(x: Tensor) -> bool:
    """Whether every value is 0 or 1, exactly.

    Spikes times a constant, such as pooled spikes, are not binary: what they
    drive needs a multiplication. Values of a meta tensor are unknown, so it
    is taken for float.
    """
    if x.is_meta or x.is_complex() or not x.numel():
        return False
    if x.dtype == torch.bool:
        return True
    flat = in_memory_order(x)
    if not _only_zero_or_one(flat[:_PROBE]):
        return False
    if flat.is_cuda:  # every look at a result waits for the device
        return _only_zero_or_one(flat)
    return all(_only_zero_or_one(part)
               for part in flat[_PROBE:].split(_CHUNK) if part.numel())


def count_ones(x: Tensor) -> int:
    """Sum of a binary tensor, exact for any size and dtype."""
    wide = torch.float32 if x.numel() <= 1 << 24 else torch.float64
    return int(x.sum(dtype=wide).item())


def fan_out(size: int, out_size: int, kernel: int, stride: int, padding: int,
            dilation: int, transposed: bool = False) -> Sequence[int]:
    """Outputs that every input of a convolution reaches, along one axis.

    Args:
        size, out_size: Length of the input's and the output's axis.
        kernel, stride, padding, dilation: The convolution's.
        transposed: Whether it is a transposed convolution.

    Returns:
        One count for each input position; zero padding is no input.
    """
    inner, outer = (out_size, size) if transposed else (size, out_size)
    counts = [0] * size
    for position in range(outer):
        for tap in range(kernel):
            other = position * stride - padding + tap * dilation
            if 0 <= other < inner:
                counts[position if transposed else other] += 1
    return counts


@lru_cache(maxsize=1024)
def fan_outs(axes: Tuple[tuple, ...], device: torch.device) -> Tensor:
    """Ones, and fan-outs of all axes multiplied, per position of a map.

    Args:
        axes: Arguments of :func:`fan_out` for every axis.
        device: Where to put them.

    Returns:
        ``[2, positions]`` in float64.
    """
    fans = torch.ones((), dtype=torch.float64)
    for axis in axes:
        fans = fans[..., None] * torch.tensor(
            fan_out(*axis), dtype=torch.float64)
    return torch.stack([torch.ones_like(fans), fans]).flatten(1).to(device)


def spikes_and_reach(x: Tensor, axes: Tuple[tuple, ...]) -> Tuple[int, int]:
    """Spikes of a map, and the kernel taps that they drive.

    Args:
        x: Binary ``[N, C, *spatial]``.
        axes: Arguments of :func:`fan_out` for every spatial axis.

    Returns:
        The number of spikes, and the sum over spikes of the product of their
        axes' fan-outs.
    """
    # [*spatial], at most N * C in each place.
    wide = torch.float32 if prod(x.shape[:2]) <= 1 << 24 else torch.float64
    if x.stride(1) == 1:  # channels last: the inner axis first
        places = x.sum(1, dtype=wide).sum(0)
    else:
        places = x.sum((0, 1), dtype=wide)
    weights = fan_outs(axes, x.device)
    spikes, reach = (weights @ places.flatten().double()).tolist()
    return int(spikes), int(reach)
