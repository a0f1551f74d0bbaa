"""Endless video with a model of clips: the latest frames, again and again."""
from collections import deque
from typing import Deque, Optional

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from torch import Tensor, nn

from ..structures import video_scores
from .live_pipeline import after_decoding, checked_interval
from .video_files import inference_pipeline


class SlidingClip:
    """Runs a recognizer on the latest frames, every so many frames.

    Its one method, :meth:`step`, is that of any streaming recognizer. Memory
    is bounded by the frames from the first of a clip to its last.

    Args:
        model: A recognizer with its config as ``model.cfg``.
        every: Frames from one prediction to the next.
        frame_interval: Frames from one of a clip to its next; None for the
            config's.

    Raises:
        ValueError: If the config's pipeline does not suit, or a number is
            not positive.
    """

    def __init__(self,
                 model: nn.Module,
                 every: int,
                 frame_interval: Optional[int] = None) -> None:
        if every < 1:
            raise ValueError(f'every must be positive, got {every}')
        self.model, self.every = model, every
        self.pipeline = after_decoding(inference_pipeline(model.cfg))
        self.interval = checked_interval(
            self.pipeline.frame_interval
            if frame_interval is None else frame_interval)
        self.transform = Compose(self.pipeline.transforms)
        self.span = (self.pipeline.num_frames - 1) * self.interval + 1
        self._frames: Deque[np.ndarray] = deque(maxlen=self.span)
        self._skip = 0

    def step(self, frame: np.ndarray) -> Optional[Tensor]:
        """Take one frame.

        Args:
            frame: RGB, ``[H, W, 3]`` uint8.

        Returns:
            Scores ``[num_classes]``, the mean over the views where the head
            leaves them apart (``average_clips=None``), or None while the
            first clip fills and between predictions.

        Raises:
            ValueError: If the model is in training mode.
        """
        if self.model.training:
            raise ValueError('a sliding clip needs the model in evaluation '
                             'mode; call model.eval()')
        self._frames.append(frame)
        if len(self._frames) < self.span:
            return None
        if self._skip:
            self._skip -= 1
            return None
        self._skip = self.every - 1
        return self._predict()

    @torch.no_grad()
    def _predict(self) -> Tensor:
        size = self._frames[0].shape[:2]
        sample = self.transform(
            dict(imgs=list(self._frames)[::self.interval],
                 clip_len=self.pipeline.clip_len,
                 num_clips=self.pipeline.num_clips, modality='RGB',
                 frame_interval=self.interval, original_shape=size,
                 img_shape=size, label=-1))
        return video_scores(self.model.test_step(pseudo_collate([sample]))[0])
