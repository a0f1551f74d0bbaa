from .hybrid_respike import HybridReSpike

__all__ = ['HybridReSpike']
