from .checked_video_dataset import CheckedVideoDataset, VideoReadError
from .transforms import KeyResidualSampler, VideoDecode, VideoInit

__all__ = [
    'CheckedVideoDataset', 'KeyResidualSampler', 'VideoDecode', 'VideoInit',
    'VideoReadError'
]
