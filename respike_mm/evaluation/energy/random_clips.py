"""Clips of noise for any test pipeline, where no data set is at hand."""
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose, pseudo_collate

from ...type_names import type_name


class RandomFrames(BaseTransform):
    """Stands in for decoding: uint8 noise for every sampled frame.

    Args:
        size: Height and width.
        seed: Of the noise.
    """

    def __init__(self, size: Tuple[int, int], seed: int) -> None:
        self.size = size
        self.random = np.random.default_rng(seed)

    def transform(self, results: Dict) -> Dict:
        shape = (*self.size, 3)
        results['imgs'] = [
            self.random.integers(0, 256, shape, dtype=np.uint8)
            for _ in np.ravel(results['frame_inds'])
        ]
        results['original_shape'] = results['img_shape'] = self.size
        return results


def with_random_frames(pipeline: Sequence[dict], frames: RandomFrames) -> List:
    """A pipeline that opens and decodes no file.

    Args:
        pipeline: Of a video or raw-frame data set: transforms whose names
            end in ``Init`` (dropped) and one in ``Decode`` (replaced).
        frames: What replaces it.

    Raises:
        ValueError: If the pipeline decodes nothing.
    """
    names = [type_name(step['type']) for step in pipeline]
    if not any(name.endswith('Decode') for name in names):
        raise ValueError('random clips need a pipeline with a decoding step, '
                         f'got {names}')
    return [
        frames if name.endswith('Decode') else step
        for name, step in zip(names, pipeline) if not name.endswith('Init')
    ]


def random_batches(pipeline: Sequence[dict],
                   num_samples: int,
                   batch_size: int,
                   size: Tuple[int, int] = (256, 340),
                   seed: int = 0) -> Iterator[Any]:
    """Batches of noise, as a dataloader with this pipeline yields them.

    Args:
        pipeline: Test pipeline of a config.
        num_samples, batch_size: How many; the last batch may be smaller.
        size: Height and width of the frames before resizing and cropping.
        seed: Of the noise.
    """
    transform = Compose(
        with_random_frames(pipeline, RandomFrames(size, seed)))
    for start in range(0, num_samples, batch_size):
        # A video of 300 frames, ten seconds, as in Kinetics.
        yield pseudo_collate([
            transform(
                dict(
                    filename='random',
                    label=0,
                    total_frames=300,
                    start_index=0,
                    modality='RGB'))
            for _ in range(min(batch_size, num_samples - start))
        ])
