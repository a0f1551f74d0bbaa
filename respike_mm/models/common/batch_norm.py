"""Batch norm of every time step by its own statistics, as one node.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map.
"""
from typing import List, Optional

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .made_again import Recipe, attach_recipe

batch_norm_backward = torch.ops.aten.native_batch_norm_backward


class _BatchNormPerStep(torch.autograd.Function):
    """PyTorch's kernel runs once a step, in order and straight into the
    output: the running statistics move as with ``S`` calls of the module,
    without ``S`` nodes in the graph and a concatenation behind them. On CPU
    that is faster than any batched formula, whose reductions are slow there.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Optional[Tensor],
                bias: Optional[Tensor], running_mean: Optional[Tensor],
                running_var: Optional[Tensor], momenta: List[float],
                eps: float):
        out = torch.empty_like(x)
        # In half precision statistics are of the parameters' type.
        typed = next(t for t in (weight, running_mean, x) if t is not None)
        mean, invstd = typed.new_empty(2, len(x), x.shape[2]).unbind()
        for t, momentum in enumerate(momenta):
            torch.native_batch_norm(
                x[t], weight, bias, running_mean, running_var, True, momentum,
                eps, out=(out[t], mean[t], invstd[t]))
        ctx.save_for_backward(x, weight, mean, invstd)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, invstd)
        return out, mean, invstd

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_out: Tensor, *_):
        x, weight, mean, invstd = ctx.saved_tensors
        affine = weight is not None
        grad_x = torch.empty_like(x)
        parts = []
        for t in range(len(x)):
            grad_x[t], *part = batch_norm_backward(
                grad_out[t], x[t], weight, None, None, mean[t], invstd[t],
                True, ctx.eps, [True, affine, affine])
            parts.append(part)
        grads = (sum(p) for p in zip(*parts)) if affine else (None, None)
        return grad_x, *grads, None, None, None, None


def _normalise_again(x: Tensor, weight: Optional[Tensor],
                     bias: Optional[Tensor], mean: Tensor,
                     invstd: Tensor) -> Tensor:
    """The first run's output, bit for bit, from its statistics.

    The kernel scales by ``weight * invstd``; a variance of one lets that
    product enter as the weight.
    """
    out = torch.empty_like(x)
    one = torch.ones_like(mean[0])
    scale = invstd if weight is None else weight * invstd
    for t in range(len(x)):
        torch.native_batch_norm(
            x[t], scale[t], bias, mean[t], one, False, 0., 0.,
            out=(out[t], one.new_empty(0), one.new_empty(0)))
    return out


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
