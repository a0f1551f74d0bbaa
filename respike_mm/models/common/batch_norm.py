"""Batch norm of every time step by its own statistics, as one node.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map.
"""
from typing import List, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from . import batch_norm_batched as batched
from .made_again import Recipe, attach_recipe

batch_norm_backward = torch.ops.aten.native_batch_norm_backward


def _in_turn(x: Tensor) -> bool:
    """Whether steps go through PyTorch's kernel one after the other."""
    return x.device.type == 'cpu'


def _forward_in_turn(
        x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
        running_mean: Optional[Tensor], running_var: Optional[Tensor],
        momenta: List[float], eps: float, dtype: torch.dtype
) -> Tuple[Tensor, Tensor, Tensor]:
    """The kernel runs once a step, in order and straight into the output."""
    out = torch.empty_like(x)
    mean, invstd = x.new_empty(2, len(x), x.shape[2], dtype=dtype).unbind()
    for t, momentum in enumerate(momenta):
        torch.native_batch_norm(
            x[t], weight, bias, running_mean, running_var, True, momentum,
            eps, out=(out[t], mean[t], invstd[t]))
    return out, mean, invstd


def _forward_batched(
        x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
        running_mean: Optional[Tensor], running_var: Optional[Tensor],
        momenta: List[float], eps: float, dtype: torch.dtype
) -> Tuple[Tensor, Tensor, Tensor]:
    """The same in a few operations, whatever the number of steps."""
    mean, var = batched.statistics(x, dtype)
    if running_mean is not None:
        count = x[0, :, 0].numel()
        batched.advance(running_mean, mean, momenta)
        batched.advance(running_var, var * (count / (count - 1)), momenta)
    invstd = (var + eps).rsqrt()
    return batched.normalise(x, weight, bias, mean, invstd), mean, invstd


class _BatchNormPerStep(torch.autograd.Function):
    """The running statistics move as with ``S`` calls of the module, without
    ``S`` nodes in the graph and a concatenation behind them.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Optional[Tensor],
                bias: Optional[Tensor], running_mean: Optional[Tensor],
                running_var: Optional[Tensor], momenta: List[float],
                eps: float):
        # In half precision statistics are of the parameters' type.
        typed = next(t for t in (weight, running_mean, x) if t is not None)
        run = _forward_in_turn if _in_turn(x) else _forward_batched
        out, mean, invstd = run(x, weight, bias, running_mean, running_var,
                                momenta, eps, typed.dtype)
        ctx.save_for_backward(x, weight, mean, invstd)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, invstd)
        return out, mean, invstd

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_out: Tensor, *_):
        x, weight, mean, invstd = ctx.saved_tensors
        if _in_turn(x):
            grads = _gradients_in_turn(grad_out, x, weight, mean, invstd,
                                       ctx.eps)
        else:
            grads = batched.gradients(grad_out, x, weight, mean, invstd)
        return *grads, None, None, None, None


def _gradients_in_turn(grad_out: Tensor, x: Tensor, weight: Optional[Tensor],
                       mean: Tensor, invstd: Tensor, eps: float):
    """Of input, weight and bias."""
    affine = weight is not None
    grad_x = torch.empty_like(x)
    parts = []
    for t in range(len(x)):
        grad_x[t], *part = batch_norm_backward(
            grad_out[t], x[t], weight, None, None, mean[t], invstd[t], True,
            eps, [True, affine, affine])
        parts.append(part)
    grads = (sum(p) for p in zip(*parts)) if affine else (None, None)
    return grad_x, *grads


def _normalise_again(x: Tensor, weight: Optional[Tensor],
                     bias: Optional[Tensor], mean: Tensor,
                     invstd: Tensor) -> Tensor:
    """The first run's output, bit for bit, from its statistics.

    The kernel scales by ``weight * invstd``; a variance of one lets that
    product enter as the weight.
    """
    if not _in_turn(x):
        return batched.normalise(x, weight, bias, mean, invstd)
    out = torch.empty_like(x)
    one = torch.ones_like(mean[0])
    scale = invstd if weight is None else weight * invstd
    for t in range(len(x)):
        torch.native_batch_norm(
            x[t], scale[t], bias, mean[t], one, False, 0., 0.,
            out=(out[t], one.new_empty(0), one.new_empty(0)))
    return out


def _is_dense(x: Tensor) -> bool:
    """Whether the kernel that writes into a given output takes ``x``; of
    other layouts it makes garbage."""
    return x.is_contiguous() or x.is_contiguous(
        memory_format=torch.channels_last)


def _momenta(norm: nn.BatchNorm2d, num_steps: int) -> List[float]:
    """How far every step moves the running statistics."""
    if not norm.track_running_stats:
        return [0.] * num_steps
    if norm.momentum is not None:
        return [norm.momentum] * num_steps
    seen = int(norm.num_batches_tracked)  # plain average over all steps
    return [1 / (seen + t + 1) for t in range(num_steps)]


def batch_norm_per_step(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """``norm`` in training, all steps at once; advances its statistics.

    Args:
        x: ``[S, N, C, H, W]``.
        norm: The module; its hooks are not called.

    Returns:
        The shape of ``x``, with a :class:`Recipe` of it from ``x``, which is
        kept for the backward pass anyway.
    """
    if _in_turn(x) and not _is_dense(x[0]):
        x = x.contiguous()
    momenta = _momenta(norm, len(x))
    running = (norm.running_mean, norm.running_var)
    if norm.track_running_stats:
        norm.num_batches_tracked += len(x)
    else:
        running = (None, None)
    out, mean, invstd = _BatchNormPerStep.apply(
        x, norm.weight, norm.bias, *running, momenta, norm.eps)
    if out.requires_grad:
        attach_recipe(out, Recipe(
            _normalise_again, (x, norm.weight, norm.bias, mean, invstd)))
    return out
