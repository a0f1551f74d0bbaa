from .energy_hook import EnergyHook

__all__ = ['EnergyHook']
