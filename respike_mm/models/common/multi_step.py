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
