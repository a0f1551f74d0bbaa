from .respike_head import ReSpikeHead

__all__ = ['ReSpikeHead']
