"""A run, its folder, and how far it has come.

A run's folder holds::

    settings.json   what was begun: config, seed, split, options, revision
    train/, test/   work dirs of tools/train.py and tools/test.py
    log.txt         what both printed
    seconds.json    time that each stage has taken so far
    energy.json     the energy meter's report, if it was asked for...
    energy_asked.json   ...of how many samples; there may be fewer
    failed.json     stage, exit status and end of the log, if a stage failed
    result.json     the figures; written after the test, so that it means
                    "finished", whatever becomes of the energy
"""
import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .configs import as_arguments
from .files import CONFIGS, read_json
from .suite import Row

DONE, STALE, RUNNING, FAILED, BEGUN, TO_DO = (
    'done', 'stale', 'running', 'failed', 'begun', 'to do')


class Run(NamedTuple):
    """One training and its test."""
    rows: Tuple[Row, ...]  # all that it is the run of
    config: Path
    seed: int
    split: int
    folder: Path
    train_options: Dict[str, Any]
    test_options: Dict[str, Any]
    facts: Dict[str, Any]  # of configs.describe
    digest: str

    @property
    def label(self) -> str:
        """A name for the overview: equal rows, split and seed."""
        names = ' = '.join(dict.fromkeys(row.name for row in self.rows))
        return f'{names}, split {self.split}, seed {self.seed}'

    @property
    def checkpoint(self) -> Path:
        """The last epoch's weights."""
        return self.folder / 'train' / f'epoch_{self.facts["epochs"]}.pth'

    @property
    def settings(self) -> Dict[str, Any]:
        """What is recorded when the run begins."""
        return dict(
            config=config_name(self.config),
            seed=self.seed,
            split=self.split,
            options=as_arguments(self.train_options)[1:],
            digest=self.digest)


def config_name(config: Path) -> str:
    """A config's path below ``configs/``, or its whole path."""
    inside = config.is_relative_to(CONFIGS)
    return str(config.relative_to(CONFIGS) if inside else config)


def config_folder(config: Path) -> Path:
    """A config's folder in the work dir: its path below ``configs/``.

    Of a config elsewhere, its name alone.
    """
    inside = config.is_relative_to(CONFIGS)
    path = config.relative_to(CONFIGS) if inside else Path(config.name)
    return path.with_suffix('')


def finished_in(folder: Path) -> List[Dict[str, Any]]:
    """The results of a config's finished runs, from its folder."""
    return [read_json(path) for path in folder.glob('*seed*/result.json')]


def state(run: Run) -> str:
    """Tell from its folder how far a run has come.

    ``STALE`` is a finished run of a config that has changed since.
    """
    if (run.folder / 'result.json').exists():
        begun = read_json(run.folder / 'result.json')
        return DONE if begun['digest'] == run.digest else STALE
    if is_locked(run.folder):
        return RUNNING
    if (run.folder / 'failed.json').exists():
        return FAILED
    return BEGUN if (run.folder / 'settings.json').exists() else TO_DO


@contextmanager
def locked(folder: Path) -> Iterator[Optional[int]]:
    """Hold a run's lock, or yield None where another process does.

    The lock goes with the file descriptor. Child processes inherit it, so
    that a training whose parent was killed still counts as running.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'lock', 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file.fileno()


def is_locked(folder: Path) -> bool:
    """Whether a process is at work on the run."""
    if not (folder / 'lock').exists():
        return False
    with locked(folder) as descriptor:
        return descriptor is None
