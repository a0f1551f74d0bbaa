"""Samples whose augmentation depends on their place in the run alone.

The sampler runs in the main process and numbers what it draws; the number
travels to the worker with the index and seeds the sample there. So neither
the number of workers, nor what they did before, nor the number of processes
among which the draws are dealt makes a difference.
"""
from collections.abc import Iterator
from typing import Any, List, NamedTuple

from torch.utils.data import Dataset, Sampler

from ..randomness import own_randomness


class Draw(NamedTuple):
    """One sample to load: its index, and when it was drawn."""
    index: int
    epoch: int
    number: int


class NumberedSampler(Sampler):
    """Numbers the draws of another sampler, and may begin at a later one.

    Args:
        sampler: The sampler; with several processes each has its own, and
            draw ``k`` of process ``r`` of ``w`` has the number ``k * w + r``,
            as MMEngine's ``DefaultSampler`` deals them.
        rank, world_size: This process and their number.
    """

    def __init__(self, sampler: Sampler, rank: int, world_size: int) -> None:
        self.sampler = sampler
        self.rank = rank
        self.world_size = world_size
        self._epoch = 0
        self._first = 0

    def begin(self, epoch: int, first: int = 0) -> None:
        """Choose what iterations give from now on, until the next call.

        Args:
            epoch: The epoch, part of every draw.
            first: Draws that every iteration leaves out, for they were made
                before.
        """
        self._epoch, self._first = epoch, first

    def set_epoch(self, epoch: int) -> None:
        """Tell the other sampler, if it can be told.

        With a batch sampler of its own, a loader holds no other reference to
        the sampler, and MMEngine's ``DistSamplerSeedHook`` calls this.
        """
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[Draw]:
        epoch, first = self._epoch, self._first
        for k, index in enumerate(self.sampler):
            if k >= first:
                yield Draw(index, epoch, k * self.world_size + self.rank)

    def __len__(self) -> int:
        return len(self.sampler)


class SeededItems:
    """Loads draws, each under random numbers of its own.

    PyTorch's loaders call ``dataset.__getitems__`` with all indices of a
    batch where there is such a thing; an instance of this class may be it.

    Args:
        dataset: Takes the indices of the draws.
        seed: Base of all seeds.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __call__(self, draws: List[Draw]) -> List[Any]:
        samples = []
        for draw in draws:
            with own_randomness(self.seed, draw.epoch, draw.number):
                samples.append(self.dataset[draw.index])
        return samples
