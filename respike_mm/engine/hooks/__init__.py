from .energy_hook import EnergyHook
from .exact_resume_hook import ExactResumeHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .spike_rate_hook import SpikeRateHook

__all__ = [
    'EnergyHook', 'ExactResumeHook', 'SafeCheckpointHook', 'SpikeRateHook'
]
