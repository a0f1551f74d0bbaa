"""Which library computes float32 products faster on this CPU."""
import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode


def blas_beats_onednn() -> bool:
    """Whether BLAS does, but for forward products of many rows.

    So it was with AVX2 alone and MKL; with AVX-512 it was the other way round
    (``tools/analysis_tools/benchmark_products.py``, docs/performance.md).
    """
    return (torch.backends.cpu.get_cpu_capability() == 'AVX2'
            and torch.backends.mkl.is_available())


def may_choose(x: Tensor) -> bool:
    """Whether a layer may choose how to compute on ``x``.

    In float32 on CPU, in PyTorch's own hands: half precision goes to oneDNN
    anyway; compilers, exporters and whoever counts operations had better see
    the layer as it is.
    """
    if torch.compiler.is_compiling():
        return False
    return (x.device.type == 'cpu' and x.dtype == torch.float32
            and torch.backends.mkldnn.is_available()
            and not torch.is_autocast_enabled('cpu')
            and _get_current_dispatch_mode() is None
            and not torch.jit.is_tracing())
