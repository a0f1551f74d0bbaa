"""Stateless layers on sequences ``[S, N, C, H, W]`` (time step, batch, ...).

Convolutions and pooling see time as more batch: spikingjelly's
``seq_to_ann_forward``. Normalisation needs a decision, made here.
"""
from typing import Callable, Dict

import torch
from spikingjelly.activation_based.functional import seq_to_ann_forward
from torch import Tensor, nn

from .batch_norm import batch_norm_per_step
from .made_again import with_recipe


def _as_one_node(x: Tensor, norm: nn.Module) -> bool:
    """Whether :func:`batch_norm_per_step` does what ``norm`` would do.

    Subclasses (``SyncBatchNorm`` talks to other processes), other kinds of
    normalisation, hooks, compilers and batches of a single value, which the
    module refuses, are left to the module.
    """
    return (not torch.compiler.is_compiling() and type(norm) is nn.BatchNorm2d
            and not _has_hooks(norm) and x[0, :, 0].numel() > 1)


def _has_hooks(module: nn.Module) -> bool:
    """Whether somebody watches calls of the module, or of every module."""
    of_all = nn.modules.module
    return any((module._forward_hooks, module._forward_pre_hooks,
                module._backward_hooks, module._backward_pre_hooks,
                of_all._global_forward_hooks, of_all._global_forward_pre_hooks,
                of_all._global_backward_hooks,
                of_all._global_backward_pre_hooks))


def norm_per_step(x: Tensor, norm: nn.Module) -> Tensor:
    """Normalise every time step by its own batch statistics.

    That is the authors' arithmetic: in training the running statistics are
    updated ``S`` times, once a step. In evaluation the steps are independent
    and go through together.

    Batch norm in training runs as one node of the graph; every other layer,
    such as ``SyncBatchNorm``, is called once a step, with the same result.

    Args:
        x: ``[S, N, C, H, W]``.
        norm: A normalisation layer over ``[N, C, H, W]``.

    Returns:
        The shape of ``x``.
    """
    if not norm.training and getattr(norm, 'running_mean', 0) is not None:
        return seq_to_ann_forward(x, norm)
    if _as_one_node(x, norm):
        return batch_norm_per_step(x, norm)
    # Concatenating 4-D steps keeps a channels-last layout; stacking does not.
    return torch.cat([norm(step) for step in x]).unflatten(0, x.shape[:2])


def norm_merged(x: Tensor, norm: nn.Module) -> Tensor:
    """Normalise all time steps by the statistics of time and batch together.

    The way of MS-ResNet's code and of spikingjelly's multi-step layers. One
    update of the running statistics stands for ``S``: with momentum ``m`` it
    counts ``1 - (1 - m)^S``, so that old statistics fade as fast as they do
    in :func:`norm_per_step` and in evaluation both modes mean the same.

    Args:
        x: ``[S, N, C, H, W]``.
        norm: A normalisation layer over ``[N, C, H, W]``.

    Returns:
        The shape of ``x``.
    """
    momentum = getattr(norm, 'momentum', None)
    if not norm.training or momentum is None:
        return seq_to_ann_forward(x, norm)
    as_one_step = x.flatten(0, 1)[None]
    norm.momentum = 1 - (1 - momentum)**len(x)
    try:
        if not _as_one_node(as_one_step, norm):
            return seq_to_ann_forward(x, norm)
        out = batch_norm_per_step(as_one_step, norm)
    finally:
        norm.momentum = momentum
    return with_recipe(out, lambda y: y[0].unflatten(0, x.shape[:2]))


NORM_MODES: Dict[str, Callable[[Tensor, nn.Module], Tensor]] = {
    'per_step': norm_per_step,
    'merged': norm_merged,
}


def split_steps(x: Tensor, num_steps: int) -> Tensor:
    """``[N * S, C, H, W]``, as ``Recognizer2D`` gives it, to sequences.

    Args:
        x: Frames, the steps of one clip adjacent.
        num_steps: Time steps ``S`` of a clip.

    Returns:
        ``[S, N, C, H, W]``.

    Raises:
        ValueError: If the frames do not make whole clips.
    """
    if x.shape[0] % num_steps:
        raise ValueError(
            f'{x.shape[0]} frames do not divide into clips of num_steps='
            f'{num_steps}; set num_steps of the backbone to the frames that '
            'the pipeline packs for a clip or segment')
    return x.unflatten(0, (-1, num_steps)).transpose(0, 1)


def merge_steps(x: Tensor) -> Tensor:
    """``[S, N, ...]`` back to ``[N * S, ...]``, see :func:`split_steps`."""
    return x.transpose(0, 1).flatten(0, 1)
