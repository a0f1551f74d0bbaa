"""Dense optical flow as two more channels of every frame.

Shapes: ``V`` clips and crops, ``T`` frames a clip, ``H, W`` a frame.
"""
from typing import Dict

import cv2
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from .functional import frames_per_clip

# A uint8 image has no zero in its middle; the field takes 128 for it.
ZERO_LEVEL, LEVELS = 128, 127

ESTIMATORS = {
    'dis':
    lambda: cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
    'farneback': cv2.FarnebackOpticalFlow_create,
}


def dense_flow(frames: np.ndarray, method: str) -> np.ndarray:
    """Displacement of every pixel from its frame to the next.

    Args:
        frames: One clip, uint8 RGB ``[T, H, W, 3]``, ``T >= 2``.
        method: ``'dis'`` or ``'farneback'``.

    Returns:
        float32 ``[T, H, W, 2]``, pixels to the right and down; the last
        frame repeats the flow of the one before.
    """
    estimator = ESTIMATORS[method]()
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    flow = [
        estimator.calc(now, after, None) for now, after in zip(grey, grey[1:])
    ]
    return np.stack([*flow, flow[-1]])


def quantise_flow(flow: np.ndarray, bound: float) -> np.ndarray:
    """Map ``[-bound, bound]`` to uint8 levels 1 to 255, zero to 128."""
    levels = np.rint(ZERO_LEVEL + flow * (LEVELS / bound))
    return levels.clip(ZERO_LEVEL - LEVELS,
                       ZERO_LEVEL + LEVELS).astype(np.uint8)


@TRANSFORMS.register_module()
class AppendFlow(BaseTransform):
    """Append optical flow to every frame: HWC with 5 channels.

    Goes after all cropping, resizing, flipping and colour augmentation: the
    flow is that of the frames as they then are, and a flip after it would
    mirror the map but not the direction. What follows treats the two
    channels as it does colours::

        pack = [
            dict(type='AppendFlow'),
            dict(type='FormatShape', input_format='NCHW'),
            dict(type='PackActionInputs'),
        ]
        model = dict(
            backbone=dict(motion='flow'),
            data_preprocessor=dict(
                mean=[123.675, 116.28, 103.53, 128, 128],
                std=[58.395, 57.12, 57.375, 128, 128]))

    The data preprocessor must leave ``to_rgb`` off, its default.

    Required keys: ``imgs`` (list of uint8 RGB HWC frames), ``clip_len``.
    Modified keys: ``imgs``.

    Args:
        method: ``'dis'`` (dense inverse search, exactly zero on still
            frames) or ``'farneback'`` (a few tenths of a pixel there, and
            slower on large frames).
        bound: Displacement in pixels a frame at which the levels end.
            Defaults to 20, as the field quantises flow.

    Raises:
        ValueError: If an argument has no such value; at run time if the
            frames are no uint8 RGB frames or do not divide into clips of at
            least two.
    """

    def __init__(self, method: str = 'dis', bound: float = 20.) -> None:
        if method not in ESTIMATORS:
            raise ValueError(f'AppendFlow: method must be one of '
                             f'{tuple(ESTIMATORS)}, got {method!r}')
        if bound <= 0:
            raise ValueError('AppendFlow: bound must be positive, got '
                             f'{bound}')
        self.method = method
        self.bound = bound

    def transform(self, results: Dict) -> Dict:
        """Append the flow of every clip on its own."""
        imgs, clip_len = results['imgs'], frames_per_clip(results)
        self._check(imgs, clip_len)
        frames = np.stack(imgs).reshape(-1, clip_len, *imgs[0].shape)
        flow = np.stack([dense_flow(clip, self.method) for clip in frames])
        # [V, T, H, W, 5]
        joined = np.concatenate([frames, quantise_flow(flow, self.bound)], -1)
        results['imgs'] = list(joined.reshape(-1, *joined.shape[2:]))
        return results

    @staticmethod
    def _check(imgs: list, clip_len: int) -> None:
        if not isinstance(imgs, list) or clip_len < 2 or not imgs or len(
                imgs) % clip_len:
            raise ValueError(
                f'AppendFlow: takes the list of frames that decoding gives, '
                f'in clips of at least two, got {len(imgs)} frames as '
                f'{type(imgs).__name__} with clip_len {clip_len}; put it in '
                'front of FormatShape')
        shapes = {(img.shape, str(img.dtype)) for img in imgs}
        (shape, dtype), *others = shapes
        if others or len(shape) != 3 or shape[2] != 3 or dtype != 'uint8':
            raise ValueError('AppendFlow: frames must be uint8 RGB (H, W, 3) '
                             f'of one size, got {sorted(shapes)}')

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(method={self.method!r}, '
                f'bound={self.bound})')
