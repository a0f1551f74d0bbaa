"""Pictures of what goes into the network and of what it does with it."""
from .attention import (StageAttention, attention_of, busiest_token,
                        token_at, top_tokens)
from .grad_cam import HybridGradCAM
from .segments import Segments, segments_of, sparsity
from .spikes import activity, channel_rates, record_spikes, spiking_layers
from .video import VideoFile, write_video

__all__ = [
    'HybridGradCAM', 'Segments', 'StageAttention', 'VideoFile', 'activity',
    'attention_of', 'busiest_token', 'channel_rates', 'record_spikes',
    'segments_of', 'sparsity', 'spiking_layers', 'token_at', 'top_tokens',
    'write_video'
]
