"""What the passes of the LIF neuron are computed by.

PyTorch's operations (:mod:`~respike_mm.models.common.lif_functional`) are the
reference and run everywhere. On a GPU they cost several kernels a time step,
and :mod:`~respike_mm.models.common.lif_triton` one for all steps.
"""
import functools
import logging
from typing import Callable, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor

from . import lif_functional, lif_traced

BACKENDS = ('auto', 'torch')


class Backend(NamedTuple):
    """The two passes, as ``lif_spikes`` and ``input_gradient`` are called."""
    spikes: Callable
    input_gradient: Callable


TORCH = Backend(lif_functional.lif_spikes, lif_functional.input_gradient)
TRACED = Backend(lif_traced.spikes, lif_traced.input_gradient)


def choose_backend(name: str, x: Tensor, surrogate: type) -> Backend:
    """What computes a neuron on these inputs.

    Args:
        name: One of ``BACKENDS``.
        x: Inputs of all time steps, ``[S, ...]``.
        surrogate: Class of the surrogate function.

    Returns:
        ``TRACED`` for compilers and exporters; Triton's kernels for inputs on
        a GPU, if ``name`` is ``'auto'`` and they serve, and a line in the log
        if they do not; else ``TORCH``.
    """
    if torch.compiler.is_compiling():
        return TRACED
    if name == 'torch' or not x.is_cuda:
        return TORCH
    return _on_gpu(x.device, x.dtype, len(x), surrogate)


@functools.lru_cache(maxsize=None)  # so that the log says it once
def _on_gpu(device: torch.device, dtype: torch.dtype, num_steps: int,
            surrogate: type) -> Backend:
    try:
        from . import lif_triton
    except ImportError as error:
        reason = f'Triton cannot be imported ({error})'
    else:
        reason = lif_triton.objection(device, dtype, num_steps, surrogate)
    if reason:
        print_log(
            f'LIFNeuron: no Triton kernels on {device} for {num_steps} steps '
            f'of {dtype}, PyTorch operations instead: {reason}',
            'current',
            level=logging.WARNING)
        return TORCH
    return Backend(lif_triton.spikes, lif_triton.input_gradient)
