from .checkpoints import damage, latest_checkpoint
from .hooks import (EnergyHook, ExactResumeHook, NonFiniteLossHook,
                    SafeCheckpointHook, SkippedVideosHook, SpikeRateHook)

__all__ = [
    'EnergyHook', 'ExactResumeHook', 'NonFiniteLossHook', 'SafeCheckpointHook',
    'SkippedVideosHook', 'SpikeRateHook', 'damage', 'latest_checkpoint'
]
