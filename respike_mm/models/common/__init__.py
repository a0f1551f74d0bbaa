from .lif import LIFNeuron
from .multi_step import norm_per_step

__all__ = ['LIFNeuron', 'norm_per_step']
