"""Checks of config options, so that a wrong one is named when it is built."""
from numbers import Integral
from typing import Any


def check_one_clip(owner: str, num_clips: int) -> None:
    """Refuse several clips or crops a video in training: a label is of one.

    Args:
        owner: Class that trains.
        num_clips: Clips times crops of each video.

    Raises:
        ValueError: With the option to set.
    """
    if num_clips != 1:
        raise ValueError(
            f'{owner} trains on one clip a video, got {num_clips}; set '
            'num_clips=1 in the frame sampler of train_dataloader.dataset.'
            'pipeline, and take one crop')


def check_positive(owner: str, **options: Any) -> None:
    """Refuse options that are not integers above zero.

    Args:
        owner: Class that the options belong to.
        **options: A value, or a list of values, by the option's name.

    Raises:
        ValueError: With the option's name and value.
    """
    for name, value in options.items():
        numbers = value if isinstance(value, (list, tuple)) else [value]
        for number in numbers:
            if not isinstance(number, Integral) or number < 1:
                raise ValueError(f'{owner}: {name} takes integers above 0, '
                                 f'got {value!r}')
