from .checked_video_dataset import CheckedVideoDataset, VideoReadError
from .transforms import AppendFlow, KeyResidualSampler, VideoDecode, VideoInit

__all__ = [
    'AppendFlow', 'CheckedVideoDataset', 'KeyResidualSampler', 'VideoDecode',
    'VideoInit', 'VideoReadError'
]
