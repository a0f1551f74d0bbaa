from .recognizer import load_recognizer
from .video_files import VideoFiles, find_videos, inference_pipeline

__all__ = [
    'VideoFiles', 'find_videos', 'inference_pipeline', 'load_recognizer'
]
