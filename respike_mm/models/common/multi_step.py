"""Stateless layers on sequences ``[S, N, C, H, W]`` (time step, batch, ...).

Convolutions and pooling see time as more batch: spikingjelly's
``seq_to_ann_forward``. Normalisation needs a decision, made here.
"""
import torch
from spikingjelly.activation_based.functional import seq_to_ann_forward
from torch import Tensor, nn


def norm_per_step(x: Tensor, norm: nn.Module) -> Tensor:
    """Normalise every time step by its own batch statistics.

    That is the authors' arithmetic: in training the running statistics are
    updated ``S`` times, once a step. In evaluation the steps are independent
    and go through together.

    Args:
        x: ``[S, N, C, H, W]``.
        norm: A normalisation layer over ``[N, C, H, W]``.

    Returns:
        The shape of ``x``.
    """
    if not norm.training:
        return seq_to_ann_forward(x, norm)
    # Concatenating 4-D steps keeps a channels-last layout; stacking does not.
    return torch.cat([norm(step) for step in x]).unflatten(0, x.shape[:2])


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
