from .clip_recognizer_2d import ClipRecognizer2D
from .hybrid_respike import HybridReSpike

__all__ = ['ClipRecognizer2D', 'HybridReSpike']
