from .recognizer import load_recognizer
from .streaming import StreamingReSpike, stream_options
from .video_files import VideoFiles, find_videos, inference_pipeline

__all__ = [
    'StreamingReSpike', 'VideoFiles', 'find_videos', 'inference_pipeline',
    'load_recognizer', 'stream_options'
]
