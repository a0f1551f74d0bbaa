"""Clips, and ReSpike's representation of them (section 4.1, equation 6)."""
from typing import Tuple, TypeVar

import numpy as np
import torch

Frames = TypeVar('Frames')  # numpy.ndarray or torch.Tensor


def frames_per_clip(results: dict) -> int:
    """``clip_len`` of a sample in the pipeline.

    Multi-modal samplers of MMAction2 keep one length per modality.
    """
    clip_len = results['clip_len']
    return clip_len['RGB'] if isinstance(clip_len, dict) else clip_len


def split_key_residual(frames: Frames, stride: int) -> Tuple[Frames, Frames]:
    """Split clips into key frames and residual frames.

    Every ``stride`` frames form a segment; its first frame is the key frame
    and the rest become residual frames ``R[k, i] = X[k, i] - X[k, 0]``.

    Args:
        frames: ``[V * T, ...]``, ``V`` clips of ``T`` frames one after the
            other, ``T`` a multiple of ``stride``. Unsigned 8-bit frames are
            widened to 16 bit, which holds every difference exactly.
        stride: Key-frame stride ``s``.

    Returns:
        Key frames ``[V * K, ...]`` and residual frames
        ``[V * K, s - 1, ...]``, ``K = T / s``.
    """
    if isinstance(frames, torch.Tensor):
        frames = frames.short() if frames.dtype == torch.uint8 else frames
    elif frames.dtype == np.uint8:
        frames = frames.astype(np.int16)
    segments = frames.reshape(-1, stride, *frames.shape[1:])
    return segments[:, 0], segments[:, 1:] - segments[:, :1]
