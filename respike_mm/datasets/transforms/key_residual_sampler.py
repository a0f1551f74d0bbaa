"""Split a decoded clip into key frames and residual frames."""
from numbers import Integral
from typing import List

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from .functional import (frames_per_clip, set_frames_per_clip,
                         split_key_residual)


@TRANSFORMS.register_module()
class KeyResidualSampler(BaseTransform):
    """Key-residual input of ReSpike (section 4.1, equation 6).

    Goes after decoding and augmentation. What comes out feeds

    ============ ========================== =========================
    ``emit``     ``imgs`` afterwards        next in the pipeline
    ============ ========================== =========================
    ``both``     int16 [V, K, s, C, H, W]   ``PackActionInputs``
    ``segments`` uint8 [V, K, s, C, H, W]   ``PackActionInputs``
    ``key``      list of V * K frames       ``FormatShape``
    ``residual`` list of V * K * S frames   ``FormatShape``
    ``all``      list of V * T raw frames   ``FormatShape``
    ============ ========================== =========================

    with ``V`` clips times crops, ``T`` frames a clip, stride ``s``,
    ``K = T / s`` segments and ``S = s - 1`` residual frames a segment. In
    ``both`` position 0 of a segment is the key frame and the others are its
    residual frames, for ``KeyResidualDataPreprocessor`` and
    ``HybridReSpike``; in ``segments`` all are frames as decoded, half the
    bytes, and that preprocessor subtracts: it takes any other type for
    residual frames, so frames must then be uint8. The lists suit every
    recognizer of MMAction2, 2D or 3D; residual frames are int16 within
    [-255, 255], so give that recognizer's data preprocessor
    ``mean=[0, 0, 0]``.

    Required keys: ``imgs`` (list of HWC frames), ``clip_len``.
    Modified keys: ``imgs``; ``clip_len`` (frames of a clip now in ``imgs``)
    of ``key`` and ``residual``; ``input_shape`` of ``both`` and ``segments``.

    Args:
        stride: Key-frame stride ``s`` >= 2.
        emit: ``'both'``, ``'segments'``, ``'key'``, ``'residual'`` or
            ``'all'``.

    Raises:
        ValueError: If an argument is out of range; at run time if the clip
            is empty, uneven or not a multiple of the stride, or its frames
            are not uint8 with ``emit='segments'``.
    """

    EMITS = ('both', 'segments', 'key', 'residual', 'all')

    def __init__(self, stride: int, emit: str = 'both') -> None:
        if not isinstance(stride, Integral) or stride < 2:
            raise ValueError(
                'KeyResidualSampler: stride must be an integer >= 2 (a '
                'segment is a key frame and at least one residual frame), '
                f'got {stride!r}')
        if emit not in self.EMITS:
            raise ValueError('KeyResidualSampler: emit must be one of '
                             f'{self.EMITS}, got {emit!r}')
        self.stride = stride
        self.emit = emit

    def transform(self, results: dict) -> dict:
        imgs, clip_len = results['imgs'], frames_per_clip(results)
        self._check(imgs, clip_len)
        if self.emit == 'all':
            return results
        frames = np.stack(imgs)
        if self.emit == 'segments':
            return self._pack_segments(
                results, frames.reshape(-1, self.stride, *frames.shape[1:]))
        # [V * K, H, W, C] and [V * K, S, H, W, C]
        key, residual = split_key_residual(frames, self.stride)
        if self.emit == 'both':
            return self._pack_segments(
                results, np.concatenate([key[:, None], residual], axis=1))
        num_segments = clip_len // self.stride
        if self.emit == 'key':
            results['imgs'] = list(key.astype(imgs[0].dtype))
            set_frames_per_clip(results, num_segments)
        else:
            results['imgs'] = list(residual.reshape(-1, *key.shape[1:]))
            set_frames_per_clip(results, num_segments * (self.stride - 1))
        return results

    def _pack_segments(self, results: dict, segments: np.ndarray) -> dict:
        """Put ``[V * K, s, H, W, C]`` in as ``[V, K, s, C, H, W]``."""
        num_segments = frames_per_clip(results) // self.stride
        segments = segments.reshape(-1, num_segments, *segments.shape[1:])
        results['imgs'] = np.ascontiguousarray(
            segments.transpose(0, 1, 2, 5, 3, 4))
        results['input_shape'] = results['imgs'].shape
        return results

    def _check(self, imgs: List[np.ndarray], clip_len: int) -> None:
        if isinstance(imgs, np.ndarray):
            raise ValueError(
                'KeyResidualSampler takes the list of frames that decoding '
                'gives; put it before FormatShape')
        if len(imgs) == 0 or clip_len == 0:
            raise ValueError(
                f'KeyResidualSampler: empty clip ({len(imgs)} frames, '
                f'clip_len {clip_len})')
        if clip_len % self.stride:
            raise ValueError(
                f'KeyResidualSampler: clip_len {clip_len} is not a multiple '
                f'of stride {self.stride}; change one of them')
        if len(imgs) % clip_len:
            raise ValueError(
                f'KeyResidualSampler: {len(imgs)} frames do not divide into '
                f'clips of clip_len {clip_len}')
        shapes = {img.shape for img in imgs}
        if len(shapes) != 1 or len(imgs[0].shape) != 3:
            raise ValueError('KeyResidualSampler: frames must share one '
                             f'shape (H, W, C), got {sorted(shapes)}')
        dtypes = {str(img.dtype) for img in imgs}
        if self.emit == 'segments' and dtypes != {'uint8'}:
            raise ValueError(
                "KeyResidualSampler: emit='segments' takes uint8 frames as "
                f'decoded, got {sorted(dtypes)}; leave out the transform '
                "that changes their type, or use emit='both'")

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(stride={self.stride}, '
                f'emit={self.emit!r})')
