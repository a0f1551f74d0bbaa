"""Random numbers that are a function of a few integers, not of the past.

Whoever knows the integers can start anywhere in a run and draw what the run
drew there; no generator's state has to be saved.
"""
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def _seed_host(words: tuple) -> int:
    """Seed Python and NumPy; returns 64 bits for PyTorch."""
    state = np.random.SeedSequence(words).generate_state(4)
    random.seed(state.tobytes())
    np.random.seed(state)
    return int(state[0]) << 32 | int(state[1])


def seed_everywhere(*words: int) -> None:
    """Seed Python, NumPy and PyTorch, on all devices.

    Args:
        *words: Non-negative integers; any change gives other numbers.
    """
    torch.manual_seed(_seed_host(words))


@contextmanager
def own_randomness(*words: int) -> Iterator[None]:
    """Within: generators of the CPU seeded. After: as they were before.

    Args:
        *words: As for :func:`seed_everywhere`.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    torch.default_generator.manual_seed(_seed_host(words))
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
