"""What the passes of the LIF neuron are computed by.

PyTorch's operations (:mod:`~respike_mm.models.common.lif`) are the reference
and run everywhere. On a GPU they cost several kernels a time step, and those
of :mod:`~respike_mm.models.common.lif_triton` one for all steps.
"""
import functools
import logging
from typing import Callable, NamedTuple, Optional

import torch
from mmengine.logging import print_log
from torch import Tensor

BACKENDS = ('auto', 'torch')


class Backend(NamedTuple):
    """The two passes: functions as ``lif_spikes`` and ``input_gradient``."""
    spikes: Callable
    input_gradient: Callable


def triton_backend(x: Tensor, surrogate: type) -> Optional[Backend]:
    """Triton's kernels for these inputs, or None where they do not serve.

    They do not on other devices than GPUs, nor for compilers and exporters,
    which had better see operations. What else is in the way is logged.

    Args:
        x: Inputs of all time steps, ``[S, ...]``.
        surrogate: Class of the surrogate function.
    """
    if not x.is_cuda or torch.compiler.is_compiling():
        return None
    return _on_device(x.device, len(x), surrogate)


@functools.lru_cache(maxsize=None)  # so that the log says it once
def _on_device(device: torch.device, num_steps: int,
               surrogate: type) -> Optional[Backend]:
    try:
        from . import lif_triton
    except ImportError as error:
        reason = f'Triton cannot be imported ({error})'
    else:
        reason = lif_triton.objection(device, num_steps, surrogate)
    if reason:
        print_log(
            f'LIFNeuron: no Triton kernels on {device}, PyTorch operations '
            f'instead: {reason}', 'current', level=logging.WARNING)
        return None
    return Backend(lif_triton.spikes, lif_triton.input_gradient)
