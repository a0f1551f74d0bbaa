"""The largest batch of which a step fits into a GPU's memory."""
from typing import Callable

import torch

Run = Callable[[int], None]
# A batch of random clips is made in the host's memory.
LIMIT = 4096


def fits(run: Run, batch: int) -> bool:
    """Whether a batch runs; all other errors are the caller's."""
    try:
        run(batch)
    except torch.OutOfMemoryError:
        return False
    return True


def largest_batch(run: Run, limit: int = LIMIT) -> int:
    """By doubling until the memory is out, then bisecting.

    Args:
        run: A step with so many clips. It has to free what the one before
            left.
        limit: No more than so many clips are tried.

    Returns:
        Clips; 0 if not even one fits.
    """
    good, bad = 0, 1
    while bad <= limit and fits(run, bad):
        good, bad = bad, 2 * bad
    bad = min(bad, limit + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        if fits(run, middle):
            good = middle
        else:
            bad = middle
    return good
