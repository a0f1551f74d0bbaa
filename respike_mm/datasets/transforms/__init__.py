from .key_residual_sampler import KeyResidualSampler

__all__ = ['KeyResidualSampler']
