"""Clips, and ReSpike's representation of them (section 4.1, equation 6)."""
from typing import Tuple, TypeVar

import torch

Frames = TypeVar('Frames')  # numpy.ndarray or torch.Tensor
# The types that hold every difference of two such integers.
_WIDER = dict(
    uint8='int16', int8='int16', uint16='int32', int16='int32',
    uint32='int64', int32='int64')


def frames_per_clip(results: dict) -> int:
    """``clip_len`` of a sample in the pipeline.

    Multi-modal samplers of MMAction2 keep one length per modality.
    """
    clip_len = results['clip_len']
    return clip_len['RGB'] if isinstance(clip_len, dict) else clip_len


def set_frames_per_clip(results: dict, clip_len: int) -> None:
    """Replace ``clip_len`` of a sample, that of RGB where there are several.

    The dict is copied: a sampler may hand all samples the same one.
    """
    lengths = results['clip_len']
    results['clip_len'] = ({**lengths, 'RGB': clip_len} if isinstance(
        lengths, dict) else clip_len)


def _widened(frames: Frames) -> Frames:
    """Frames of a type in which subtraction does not wrap around."""
    is_tensor = isinstance(frames, torch.Tensor)
    dtype = (str(frames.dtype).removeprefix('torch.')
             if is_tensor else frames.dtype.name)
    if dtype == 'uint64':
        raise ValueError('split_key_residual: no type holds the differences '
                         'of uint64 frames; convert them to int64 or float')
    wider = _WIDER.get(dtype, dtype)
    return (frames.to(getattr(torch, wider)) if is_tensor
            else frames.astype(wider, copy=False))


def split_key_residual(frames: Frames, stride: int) -> Tuple[Frames, Frames]:
    """Split clips into key frames and residual frames.

    Every ``stride`` frames form a segment; its first frame is the key frame
    and the rest become residual frames ``R[k, i] = X[k, i] - X[k, 0]``.

    Args:
        frames: ``[V * T, ...]``, ``V`` clips of ``T`` frames one after the
            other, ``T`` a multiple of ``stride``. Integers of up to 32 bits
            are widened to signed ones of twice the bits, int16 for uint8,
            which hold every difference exactly.
        stride: Key-frame stride ``s``.

    Returns:
        Key frames ``[V * K, ...]`` and residual frames
        ``[V * K, s - 1, ...]``, ``K = T / s``.

    Raises:
        ValueError: If the frames are uint64.
    """
    frames = _widened(frames)
    segments = frames.reshape(-1, stride, *frames.shape[1:])
    return segments[:, 0], segments[:, 1:] - segments[:, :1]
