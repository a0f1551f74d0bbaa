from .checkpoints import damage, latest_checkpoint
from .hooks import (ClipPicturesHook, EnergyHook, ExactResumeHook,
                    NonFiniteLossHook, SafeCheckpointHook, SkippedVideosHook,
                    SpikeRateHook)

__all__ = [
    'ClipPicturesHook', 'EnergyHook', 'ExactResumeHook', 'NonFiniteLossHook',
    'SafeCheckpointHook', 'SkippedVideosHook', 'SpikeRateHook', 'damage',
    'latest_checkpoint'
]
