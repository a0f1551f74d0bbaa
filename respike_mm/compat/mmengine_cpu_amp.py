"""mmengine 0.10.7's ``AmpOptimWrapper`` (``--amp``) asserts a GPU, though its
autocast serves CPUs too (bfloat16), and builds torch's deprecated CUDA scaler.
A CPU is let in; its scaler is off, as bfloat16 has the range of float32."""
from functools import partial
from types import ModuleType
from typing import Callable

from .patching import when_imported, wrap


def _or_cpu(is_cuda_available: Callable[[], bool]) -> Callable[[], bool]:

    def is_autocast_available() -> bool:
        from mmengine.device import get_device
        return get_device() == 'cpu' or is_cuda_available()

    return is_autocast_available


def _patch(amp_wrapper: ModuleType) -> None:
    import torch

    # The module asks this only for the assertion.
    wrap(amp_wrapper, 'is_cuda_available', _or_cpu)
    if amp_wrapper.GradScaler is torch.cuda.amp.GradScaler \
            and hasattr(torch.amp, 'GradScaler'):
        amp_wrapper.GradScaler = partial(
            torch.amp.GradScaler, 'cuda', enabled=torch.cuda.is_available())


def apply() -> None:
    """Let ``AmpOptimWrapper`` train without a GPU."""
    when_imported('mmengine.optim.optimizer.amp_optimizer_wrapper', _patch)
