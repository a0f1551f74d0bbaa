from .energy_hook import EnergyHook
from .spike_rate_hook import SpikeRateHook

__all__ = ['EnergyHook', 'SpikeRateHook']
