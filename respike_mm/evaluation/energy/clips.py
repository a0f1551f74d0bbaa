"""How many clips a sample consists of."""
from typing import Any, Iterable

_CROPS = dict(ThreeCrop=3, TenCrop=10)


def clips_per_sample(pipeline: Iterable[Any]) -> int:
    """Clips times crops that a pipeline makes of one video.

    A transform with ``clip_len`` of more than one frame makes ``num_clips``
    clips. Single frames (``clip_len=1``, as in TSN) are the segments of one
    clip.

    Args:
        pipeline: Transforms, built or as configs.
    """
    clips = 1
    for step in pipeline:
        name = step['type'] if isinstance(step, dict) else type(step).__name__
        options = step if isinstance(step, dict) else vars(step)
        if options.get('clip_len', 1) > 1:
            clips *= options.get('num_clips', 1)
        clips *= _CROPS.get(str(name).split('.')[-1], 1)
    return clips
