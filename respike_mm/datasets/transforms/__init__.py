from .key_residual_sampler import KeyResidualSampler
from .video_init import VideoDecode, VideoInit

__all__ = ['KeyResidualSampler', 'VideoDecode', 'VideoInit']
