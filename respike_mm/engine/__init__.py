from .hooks import EnergyHook, NonFiniteLossHook, SkippedVideosHook

__all__ = ['EnergyHook', 'NonFiniteLossHook', 'SkippedVideosHook']
