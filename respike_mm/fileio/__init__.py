from .atomic_backend import AtomicBackend

__all__ = ['AtomicBackend']
