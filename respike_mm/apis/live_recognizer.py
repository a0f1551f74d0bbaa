"""A prediction every so many frames of live video, by any recognizer."""
from typing import Optional, Union

import numpy as np
from torch import Tensor, nn

from ..models.recognizers import HybridReSpike
from .sliding_clip import SlidingClip
from .streaming import StreamingReSpike


class StreamedClip:
    """:class:`StreamingReSpike` in the rhythm of :class:`SlidingClip`.

    Every frame costs its share of the network, whether or not a prediction is
    due at it. Predictions that fall on the end of a segment equal the clip
    model's; at others the current segment counts as far as it has come.

    Args:
        model: A ``HybridReSpike`` with its config as ``model.cfg``.
        every: Frames from one prediction to the next.
        frame_interval: Use every n-th frame only; None for the config's.

    Raises:
        ValueError: If the config's pipeline or the spiking branch does not
            suit a stream, or a number is not positive.
    """

    def __init__(self,
                 model: HybridReSpike,
                 every: int,
                 frame_interval: Optional[int] = None) -> None:
        if every < 1:
            raise ValueError(f'every must be positive, got {every}')
        self.stream = StreamingReSpike(model, frame_interval=frame_interval)
        clip_len = self.stream.stride * self.stream.num_segments
        self.span = (clip_len - 1) * self.stream.frame_interval + 1
        self.every = every
        self._wait = self.span

    def step(self, frame: np.ndarray) -> Optional[Tensor]:
        """Take one frame, see :meth:`SlidingClip.step`."""
        self.stream.step(frame)
        self._wait -= 1
        if self._wait:
            return None
        self._wait = self.every
        return self.stream.scores


def live_recognizer(
        model: nn.Module,
        every: int,
        clips: bool = False,
        frame_interval: Optional[int] = None
) -> Union[StreamedClip, SlidingClip]:
    """What runs a model on live video: ReSpike as a stream, others by clips.

    Args:
        model: A recognizer with its config as ``model.cfg``.
        every: Frames from one prediction to the next.
        clips: Run ReSpike by clips, too.
        frame_interval: Use every n-th frame only; None for the config's.

    Raises:
        ValueError: If the chosen one cannot run the model.
    """
    streams = isinstance(model, HybridReSpike) and not clips
    chosen = StreamedClip if streams else SlidingClip
    return chosen(model, every, frame_interval)
