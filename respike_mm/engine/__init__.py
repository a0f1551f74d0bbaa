from .hooks import EnergyHook

__all__ = ['EnergyHook']
