from .append_flow import AppendFlow
from .key_residual_sampler import KeyResidualSampler
from .video_init import VideoDecode, VideoInit

__all__ = ['AppendFlow', 'KeyResidualSampler', 'VideoDecode', 'VideoInit']
