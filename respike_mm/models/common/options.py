"""Checks of config options, so that a wrong one is named when it is built."""
from numbers import Integral
from typing import Any


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
