from .checkpoints import damage, latest_checkpoint
from .hooks import (BoundedHistoryHook, ClipPicturesHook, CompileHook,
                    EnergyHook, ExactResumeHook, NonFiniteLossHook,
                    SafeCheckpointHook, SkippedVideosHook, SpikeRateHook)

__all__ = [
    'BoundedHistoryHook', 'ClipPicturesHook', 'CompileHook', 'EnergyHook',
    'ExactResumeHook', 'NonFiniteLossHook', 'SafeCheckpointHook',
    'SkippedVideosHook', 'SpikeRateHook', 'damage', 'latest_checkpoint'
]
