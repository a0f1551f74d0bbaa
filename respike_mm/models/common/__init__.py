from .image_filters import ImageFiltersInit
from .lif import LIFNeuron
from .multi_step import norm_per_step

__all__ = ['ImageFiltersInit', 'LIFNeuron', 'norm_per_step']
