"""mmengine 0.10.7 assumes a GPU when a launcher starts it: it calls
``torch.cuda.set_device`` and hands ``device_ids`` to the wrapper of a CPU
model. Without a GPU both are skipped, so that gloo trains on CPU."""
from types import ModuleType
from typing import Any, Callable

from .patching import when_imported, wrap


def _is_cpu() -> bool:
    from mmengine.device import get_device
    return get_device() == 'cpu'


def _skip_set_device(init_dist: Callable) -> Callable:

    def init(*args: Any, **kwargs: Any) -> None:
        if not _is_cpu():
            return init_dist(*args, **kwargs)
        import torch
        set_device = torch.cuda.set_device
        torch.cuda.set_device = lambda device: None
        try:
            return init_dist(*args, **kwargs)
        finally:
            torch.cuda.set_device = set_device

    return init


def _skip_device_ids(init_wrapper: Callable) -> Callable:

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _is_cpu():
            kwargs.pop('device_ids', None)
        init_wrapper(self, *args, **kwargs)

    return __init__


def _patch_dist(dist_utils: ModuleType) -> None:
    for launcher in ('pytorch', 'slurm', 'mpi'):
        wrap(dist_utils, f'_init_dist_{launcher}', _skip_set_device)


def _patch_wrapper(distributed: ModuleType) -> None:
    wrap(distributed.MMDistributedDataParallel, '__init__', _skip_device_ids)


def apply() -> None:
    """Let mmengine's launchers work without a GPU."""
    when_imported('mmengine.dist.utils', _patch_dist)
    when_imported('mmengine.model.wrappers.distributed', _patch_wrapper)
