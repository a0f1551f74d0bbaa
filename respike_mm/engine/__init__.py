from .hooks import EnergyHook, SpikeRateHook

__all__ = ['EnergyHook', 'SpikeRateHook']
