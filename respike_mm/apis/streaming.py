"""ReSpike on endless video, frame by frame.

Shapes: ``B`` streams, ``V`` views (crops) of a frame, ``C, H, W`` a frame.
"""
from collections import deque
from typing import Deque, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import Compose
from mmengine.config import Config
from torch import Tensor

from ..models.data_preprocessors import KeyResidualDataPreprocessor
from ..models.recognizers import HybridReSpike
from ..models.recognizers.respike_step import (KeyFrame, ReSpikeStep,
                                               SegmentState)
from ..type_names import type_name
from .live_pipeline import after_decoding, checked_interval

Frame = Union[np.ndarray, Tensor]


def stream_options(cfg: Config) -> dict:
    """What a config's test pipeline means for a stream.

    Args:
        cfg: Config of a ``HybridReSpike``.

    Returns:
        Arguments of :class:`StreamingReSpike`: ``stride``, ``num_segments``,
        ``frame_interval`` (None where the sampler takes it from the file, as
        ``UniformSample`` does) and ``transforms``.

    Raises:
        ValueError: If the pipeline does not decode frames and end in a
            ``KeyResidualSampler``.
    """
    pipeline = cfg.get('test_pipeline') or cfg.test_dataloader.dataset.pipeline
    live = after_decoding(pipeline)
    names = [type_name(step['type']) for step in live.transforms]
    if 'KeyResidualSampler' not in names:
        raise ValueError(
            'the test pipeline of a stream must end in KeyResidualSampler, '
            f'behind the decoding are {names}; pass stride, num_segments, '
            'frame_interval and transforms')
    end = names.index('KeyResidualSampler')
    stride = live.transforms[end]['stride']
    return dict(
        stride=stride,
        num_segments=live.clip_len // stride,
        frame_interval=live.frame_interval,
        transforms=live.transforms[:end])


class StreamingReSpike:
    """Feed a :class:`HybridReSpike` one frame after the other::

        stream = StreamingReSpike(load_recognizer(config, checkpoint))
        for frame in video:
            scores = stream.step(frame)  # None while a segment has just begun

    Every ``stride``-th frame is a key frame: the ANN runs on it once, keys
    and values of the fusion are kept, and the neurons start from rest. Every
    other frame costs one step of the spiking branch, which continues from its
    membranes. After ``stride * num_segments`` frames the scores are those
    that the recognizer gives for these frames as a clip, and so on with every
    later segment.

    The state is one key frame with its keys, values and last map, one set of
    membranes and the logits of ``num_segments`` segments, however long
    the video.

    Args:
        model: The recognizer, in evaluation mode and on its device; weights
            are shared with it. Options that are None are read from its
            config ``model.cfg``, see :func:`stream_options`.
        stride: Frames ``s`` of a segment.
        num_segments: Segments ``K`` whose logits are averaged, the current
            one included.
        frame_interval: Use every n-th frame only. Needed where the config's
            sampler spreads a clip over the file (``UniformSample``).
        transforms: MMAction2 transforms of every frame ahead of the network,
            such as a resize and a centre crop; ``()`` for none.
        every: ``'frame'`` predicts at every residual frame, the current
            segment as far as it has come counting as a whole one;
            ``'segment'`` at the last frame of each segment.
        layout: ``'HWC'`` or ``'CHW'``, axes of a frame.

    Raises:
        ValueError: If an option is out of range, the model is not in
            evaluation mode or cannot run step by step.
    """

    def __init__(self,
                 model: HybridReSpike,
                 stride: Optional[int] = None,
                 num_segments: Optional[int] = None,
                 frame_interval: Optional[int] = None,
                 transforms: Optional[Sequence[dict]] = None,
                 every: str = 'frame',
                 layout: str = 'HWC') -> None:
        options = dict(
            stride=stride,
            num_segments=num_segments,
            frame_interval=frame_interval,
            transforms=transforms)
        if None in options.values():
            defaults = self._defaults(model, options)
            options = {
                k: defaults[k] if v is None else v
                for k, v in options.items()
            }
        for name, low in dict(stride=2, num_segments=1).items():
            if not isinstance(options[name], int) or options[name] < low:
                raise ValueError(f'{name} must be an integer >= {low}, got '
                                 f'{options[name]!r}')
        if every not in ('frame', 'segment') or layout not in ('HWC', 'CHW'):
            raise ValueError("every must be 'frame' or 'segment' and layout "
                             f"'HWC' or 'CHW', got {every!r} and {layout!r}")
        self.model = model
        self.stride = options['stride']
        self.num_segments = options['num_segments']
        self.frame_interval = checked_interval(options['frame_interval'])
        self.transforms = Compose(
            [TRANSFORMS.build(t) for t in options['transforms']])
        self.every, self.layout = every, layout
        self._network = ReSpikeStep(model)
        self.reset()

    @staticmethod
    def _defaults(model: HybridReSpike, options: dict) -> dict:
        if not hasattr(model, 'cfg'):
            missing = [k for k, v in options.items() if v is None]
            raise ValueError(f'the model has no config (model.cfg) to read '
                             f'{missing} from; pass them')
        return stream_options(model.cfg)

    def reset(self) -> None:
        """Forget everything: the next frame starts a new stream."""
        self._shape: Optional[Tuple[int, ...]] = None
        self._num_frames = 0
        self._finished: Deque[Tensor] = deque(maxlen=self.num_segments)
        self._key: Optional[Tensor] = None
        self._key_frame: Optional[KeyFrame] = None
        self._state: Optional[SegmentState] = None
        self._current: Optional[Tensor] = None
        self._views = 1

    @property
    def scores(self) -> Optional[Tensor]:
        """Scores as of the last frame, also where the video ends early.

        ``[num_classes]``, or ``[B, num_classes]`` of a batch of streams;
        None before the first residual frame. Of a head with
        ``average_clips=None`` the mean of the views' logits.
        """
        segments = list(self._finished)
        if self._current is not None:
            segments = [*segments, self._current][-self.num_segments:]
        if not segments:
            return None
        # As the recognizer does: segments by their logits, then the views.
        logits = torch.stack(segments).mean(0)
        head = self.model.cls_head
        scores = head.average_clip(logits, num_segs=self._views)
        if head.average_clips is None:  # [B, V, num_classes]
            scores = scores.mean(1)
        return scores[0] if len(self._shape) == 3 else scores

    @torch.no_grad()
    def step(self, frame: Frame) -> Optional[Tensor]:
        """Take the next frame.

        Args:
            frame: uint8 RGB as decoded, ``[H, W, C]`` (or as ``layout`` says),
                or with a leading axis ``B`` one frame of each of ``B``
                streams in step.

        Returns:
            :attr:`scores`, or None where ``every`` has no prediction due and
            at frames that ``frame_interval`` leaves out.

        Raises:
            ValueError: If the frame is no uint8 image or its shape is not
                that of the frames before. The stream stays as it was.
        """
        frame = self._check(frame)
        if self.model.training:
            raise ValueError('a stream needs the model in evaluation mode; '
                             'call model.eval()')
        position, skip = divmod(self._num_frames, self.frame_interval)
        position %= self.stride
        if skip:
            self._num_frames += 1
            return None
        images = self._images(frame)
        if position == 0:
            self._start_segment(images)
        else:
            self._continue_segment(images)
        self._num_frames += 1
        self._shape = frame.shape
        last = position == self.stride - 1
        if last:
            self._finished.append(self._current)
            self._current = None
        due = position > 0 if self.every == 'frame' else last
        return self.scores if due else None

    def _start_segment(self, images: Tensor) -> None:
        key = self._normalise(images[:, :, None])
        self._key_frame = self._network.key_frame(key)
        self._key, self._state, self._current = images, None, None
        self._views = images.shape[1]

    def _continue_segment(self, images: Tensor) -> None:
        key = self._key
        if images.dtype != torch.uint8 or not isinstance(
                self.model.data_preprocessor, KeyResidualDataPreprocessor):
            # Nobody else subtracts: to ours any other type than uint8 is a
            # residual frame, and others take frames as they are.
            key = key.short() if key.dtype == torch.uint8 else key
            images = images - key
        residual = self._normalise(torch.stack([key, images], dim=2))
        self._current, self._state = self._network(residual, self._key_frame,
                                                   self._state)

    def _normalise(self, frames: Tensor) -> Tensor:
        """The last of ``[B, V, n, C, H, W]``, as the recognizer takes it.

        The config's data preprocessor gets a segment that is one or two
        frames long, key frame first.

        Returns:
            ``[B * V, C, H, W]``.
        """
        segments = [views[:, None] for views in frames]  # [V, 1, n, C, H, W]
        data = dict(inputs=segments, data_samples=None)
        batch = self.model.data_preprocessor(data)['inputs']
        return batch.flatten(0, 2)[:, -1]

    def _images(self, frame: np.ndarray) -> Tensor:
        """Transform a checked frame to ``[B, V, C, H, W]``."""
        frames = frame if frame.ndim == 4 else frame[None]
        if self.layout == 'CHW':
            frames = frames.transpose(0, 2, 3, 1)
        views = np.stack([self._transform(image) for image in frames])
        return torch.from_numpy(views).permute(0, 1, 4, 2, 3)

    def _transform(self, image: np.ndarray) -> List[np.ndarray]:
        size = image.shape[:2]
        results = dict(
            imgs=[image],
            original_shape=size,
            img_shape=size,
            clip_len=1,
            num_clips=1,
            modality='RGB')
        return self.transforms(results)['imgs']

    def _check(self, frame: Frame) -> np.ndarray:
        shape = tuple(getattr(frame, 'shape', ()))
        dtype = str(getattr(frame, 'dtype', type(frame).__name__))
        where = f'frame {self._num_frames}'
        if not dtype.endswith('uint8'):
            raise ValueError(f'{where} is {dtype}; a stream takes uint8 '
                             'frames as decoded and normalises them itself')
        channels = -1 if self.layout == 'HWC' else -3
        if len(shape) not in (3, 4) or shape[channels] != 3:
            raise ValueError(f'{where} has shape {shape}; expected three '
                             f'channels in {self.layout} order, with or '
                             'without an axis of streams in front')
        if self._shape not in (None, shape):
            raise ValueError(f'{where} has shape {shape}, those before it '
                             f'{self._shape}; resize it, or call reset() to '
                             'start a new stream')
        return frame.cpu().numpy() if isinstance(frame, Tensor) else frame
