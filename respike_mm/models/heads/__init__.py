from .adascan_head import AdaScanHead
from .respike_head import ReSpikeHead
from .spiking_head import SpikingHead

__all__ = ['AdaScanHead', 'ReSpikeHead', 'SpikingHead']
