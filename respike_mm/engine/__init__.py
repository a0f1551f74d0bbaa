from .checkpoints import damage, latest_checkpoint
from .hooks import (EnergyHook, ExactResumeHook, SafeCheckpointHook,
                    SpikeRateHook)

__all__ = [
    'EnergyHook', 'ExactResumeHook', 'SafeCheckpointHook', 'SpikeRateHook',
    'damage', 'latest_checkpoint'
]
