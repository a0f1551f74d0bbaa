"""Batch norm of all time steps at once, for devices with costly launches.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map; ``x`` and
gradients ``[S, N, C, H, W]``, statistics ``[S, C]``. Arithmetic is in the
statistics' type, float32 where ``x`` is in half precision.

A kernel a step is better on a CPU, whose batched reductions are slow; on a
GPU it is ``S`` launches that small maps do not fill.
"""
from typing import List, Optional, Tuple

import torch
from torch import Tensor

_OVER = (1, 3, 4)  # batch and map


def _wide(statistics: Tensor) -> Tensor:
    """``[S, C]`` or ``[C]`` for broadcasting over ``[S, N, C, H, W]``."""
    statistics = statistics if statistics.ndim == 2 else statistics[None]
    return statistics[:, None, :, None, None]


def statistics(x: Tensor, dtype: torch.dtype) -> Tuple[Tensor, Tensor]:
    """Mean and biased variance of every step.

    Args:
        x: ``[S, N, C, H, W]``.
        dtype: Of the statistics.

    Returns:
        Two tensors ``[S, C]``.
    """
    var, mean = torch.var_mean(x.to(dtype), dim=_OVER, correction=0)
    return mean, var


def advance(running: Tensor, steps: Tensor, momenta: List[float]) -> None:
    """Moves a running statistic by ``r <- (1 - m) r + m s``, step by step.

    Args:
        running: ``[C]``, changed in place.
        steps: The steps' own statistics ``[S, C]``.
        momenta: ``m`` of every step.
    """
    kept, weights = 1., []
    for momentum in reversed(momenta):
        weights.append(kept * momentum)
        kept *= 1 - momentum
    weights = steps.new_tensor(weights[::-1])
    running.mul_(kept).add_((weights[:, None] * steps).sum(0))


def normalise(x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
              mean: Tensor, invstd: Tensor) -> Tensor:
    """``weight * (x - mean) * invstd + bias`` in the type of ``x``."""
    scale = invstd if weight is None else weight * invstd
    shift = -mean * scale if bias is None else bias - mean * scale
    return torch.addcmul(_wide(shift), x, _wide(scale)).to(x.dtype)


def gradients(
    grad: Tensor, x: Tensor, weight: Optional[Tensor], mean: Tensor,
    invstd: Tensor
) -> Tuple[Tensor, Optional[Tensor], Optional[Tensor]]:
    """Gradients of input, weight and bias; the last two None without them."""
    grad_wide = grad.to(mean.dtype)
    normal = (x - _wide(mean)) * _wide(invstd)
    sum_bias = grad_wide.sum(_OVER)
    sum_weight = (grad_wide * normal).sum(_OVER)
    count = x[0, :, 0].numel()
    centred = grad_wide - _wide(sum_bias / count)
    centred = torch.addcmul(centred, normal, _wide(sum_weight / count),
                            value=-1)
    scale = invstd if weight is None else weight * invstd
    grad_x = (centred * _wide(scale)).to(x.dtype)
    if weight is None:
        return grad_x, None, None
    return grad_x, sum_weight.sum(0), sum_bias.sum(0)
