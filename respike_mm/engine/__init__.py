from .checkpoints import damage, latest_checkpoint
from .hooks import EnergyHook, ExactResumeHook, SafeCheckpointHook

__all__ = [
    'EnergyHook', 'ExactResumeHook', 'SafeCheckpointHook', 'damage',
    'latest_checkpoint'
]
