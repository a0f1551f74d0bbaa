from .metrics import VideoAccuracy

__all__ = ['VideoAccuracy']
