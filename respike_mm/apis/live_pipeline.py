"""What of a test pipeline applies to video that is no file."""
from typing import NamedTuple, Optional

from ..type_names import type_name


class LivePipeline(NamedTuple):
    """A test pipeline without the reading of a file.

    Attributes:
        clip_len: Frames of a clip as the sampler counts them.
        num_clips: How many of these make one clip of the model: single frames
            (``clip_len=1``, as in TSN) belong together, else it is 1.
        frame_interval: Frames from one to the next; None where the sampler
            takes it from the length or the frame rate of a file.
        transforms: Those behind the decoding.
    """
    clip_len: int
    num_clips: int
    frame_interval: Optional[int]
    transforms: list

    @property
    def num_frames(self) -> int:
        """Frames that a prediction needs."""
        return self.clip_len * self.num_clips


def after_decoding(pipeline: list) -> LivePipeline:
    """What a test pipeline does, apart from reading a file.

    Raises:
        ValueError: If the pipeline samples or decodes nothing.
    """
    names = [type_name(step['type']) for step in pipeline]
    decoding = [i for i, name in enumerate(names) if name.endswith('Decode')]
    samplers = [i for i, step in enumerate(pipeline) if 'clip_len' in step]
    if not decoding or not samplers:
        raise ValueError('live video needs a test_pipeline that samples '
                         f'clips and decodes them, got {names}')
    name, sampler = names[samplers[0]], pipeline[samplers[0]]
    clip_len = sampler['clip_len']
    num_clips = sampler.get('num_clips', 1) if clip_len == 1 else 1
    by_file = (
        num_clips > 1 or name.startswith('Uniform')
        or sampler.get('target_fps'))
    return LivePipeline(clip_len, num_clips,
                        None if by_file else sampler.get('frame_interval', 1),
                        pipeline[decoding[0] + 1:])


def checked_interval(frame_interval: Optional[int]) -> int:
    """Refuse a ``frame_interval`` that is unknown or out of range.

    Raises:
        ValueError: If it is no integer above zero.
    """
    if frame_interval is None:
        raise ValueError(
            'the sampler of the test_pipeline places the frames of a clip by '
            'the length or frame rate of a file, which live video has not; '
            'pass frame_interval (predict.py --interval), frames from one to '
            'the next, such as the frames of a training video over those of '
            'a clip')
    if not isinstance(frame_interval, int) or frame_interval < 1:
        raise ValueError('frame_interval must be an integer >= 1, got '
                         f'{frame_interval!r}')
    return frame_interval
