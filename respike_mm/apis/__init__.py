from .streaming import StreamingReSpike, stream_options

__all__ = ['StreamingReSpike', 'stream_options']
