from .energy_hook import EnergyHook
from .non_finite_loss_hook import NonFiniteLossHook
from .skipped_videos_hook import SkippedVideosHook

__all__ = ['EnergyHook', 'NonFiniteLossHook', 'SkippedVideosHook']
