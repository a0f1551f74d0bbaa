from .transforms import KeyResidualSampler

__all__ = ['KeyResidualSampler']
