from .bounded_history_hook import BoundedHistoryHook
from .clip_pictures_hook import ClipPicturesHook
from .compile_hook import CompileHook
from .energy_hook import EnergyHook
from .exact_resume_hook import ExactResumeHook
from .non_finite_loss_hook import NonFiniteLossHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .skipped_videos_hook import SkippedVideosHook
from .spike_rate_hook import SpikeRateHook

__all__ = [
    'BoundedHistoryHook', 'ClipPicturesHook', 'CompileHook', 'EnergyHook',
    'ExactResumeHook', 'NonFiniteLossHook', 'SafeCheckpointHook',
    'SkippedVideosHook', 'SpikeRateHook'
]
