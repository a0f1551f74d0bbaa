"""Read the samples of a data set in a process that may crash or hang."""
import multiprocessing
from multiprocessing.connection import Connection
from typing import Callable, Dict, Iterable, NamedTuple

from respike_mm.datasets.checked_video_dataset import (CheckedVideoDataset,
                                                       VideoReadError)


class Outcome(NamedTuple):
    """What came of reading one sample.

    Attributes:
        verdict: ``'frames'``, ``'error'`` (a ``VideoReadError``),
            ``'other error'``, ``'crash'`` or ``'hang'``.
        detail: The error's text, how the process ended, or empty.
    """
    verdict: str
    detail: str = ''


def read(dataset: CheckedVideoDataset, index: int) -> Outcome:
    """Read one sample in this process."""
    try:
        dataset[index]
    except VideoReadError as error:
        return Outcome('error', str(error))
    except Exception as error:  # whatever a decoder comes up with
        return Outcome('other error', f'{type(error).__name__}: {error}')
    return Outcome('frames')


def _answer(read_one: Callable[[int], Outcome], pipe: Connection) -> None:
    """The child: read what it is asked to until it is asked for None."""
    for index in iter(pipe.recv, None):
        pipe.send(read_one(index))


def sweep(read_one: Callable[[int], Outcome],
          indices: Iterable[int],
          timeout: float = 20.) -> Dict[int, Outcome]:
    """Read samples one after the other, in a child that is replaced if lost.

    Args:
        read_one: Reads the sample of an index.
        indices: Which samples.
        timeout: Seconds after which a decoder counts as hanging.

    Returns:
        The outcome of every index.
    """
    context = multiprocessing.get_context('fork')
    outcomes, child = {}, None
    for index in indices:
        if child is None:
            pipe, end = context.Pipe()
            child = context.Process(target=_answer, args=(read_one, end))
            child.start()
            end.close()
        pipe.send(index)
        try:
            outcomes[index] = pipe.recv() if pipe.poll(timeout) else Outcome(
                'hang', f'no answer in {timeout:g} s')
        except EOFError:
            child.join()
            outcomes[index] = Outcome('crash', f'exit code {child.exitcode}')
        if outcomes[index].verdict in ('hang', 'crash'):
            child.kill()
            child.join()
            child = None
    if child is not None:
        pipe.send(None)
        child.join()
    return outcomes
