"""mmengine 0.10.7 assumes a GPU when torchrun launches it: it calls
``torch.cuda.set_device`` and hands ``device_ids`` to the wrapper of a CPU
model. Without a GPU both are skipped, so that gloo trains on CPU."""
from types import ModuleType
from typing import Any, Callable

from .patching import when_imported, wrap


def _is_cpu() -> bool:
    from mmengine.device import get_device
    return get_device() == 'cpu'


def _skip_set_device(init_dist_pytorch: Callable) -> Callable:

    def init(backend: str, init_backend: str = 'torch', **kwargs: Any) -> None:
        if init_backend != 'torch' or not _is_cpu():
            return init_dist_pytorch(
                backend, init_backend=init_backend, **kwargs)
        import torch
        torch.distributed.init_process_group(backend=backend, **kwargs)

    return init


def _skip_device_ids(init_wrapper: Callable) -> Callable:

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _is_cpu():
            kwargs.pop('device_ids', None)
        init_wrapper(self, *args, **kwargs)

    return __init__


def _patch_dist(dist_utils: ModuleType) -> None:
    wrap(dist_utils, '_init_dist_pytorch', _skip_set_device)


def _patch_wrapper(distributed: ModuleType) -> None:
    wrap(distributed.MMDistributedDataParallel, '__init__', _skip_device_ids)


def apply() -> None:
    """Let mmengine's PyTorch launcher work without a GPU."""
    when_imported('mmengine.dist.utils', _patch_dist)
    when_imported('mmengine.model.wrappers.distributed', _patch_wrapper)
