"""Which library multiplies float32 matrices faster on this CPU."""
import torch


def blas_beats_onednn() -> bool:
    """Whether BLAS does.

    So it was with AVX2 alone and MKL; with AVX-512 it was the other way round
    (``tools/analysis_tools/benchmark_products.py``, docs/performance.md).
    """
    return (torch.backends.cpu.get_cpu_capability() == 'AVX2'
            and torch.backends.mkl.is_available())
