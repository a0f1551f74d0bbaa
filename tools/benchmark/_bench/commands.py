"""The command lines of a run: the project's own tools, nothing special."""
import sys
from pathlib import Path
from typing import List, NamedTuple

import torch

from .configs import as_arguments
from .errors import BenchmarkError
from .files import ROOT, read_json
from .mmengine_files import last_checkpoint, test_metrics
from .runs import Run

ASKED = 'energy_asked.json'  # how many samples the report was to be of


class Tools(NamedTuple):
    """How runs are started."""
    folder: Path = ROOT / 'tools'
    gpus: int = 1  # processes of each training and test
    energy_samples: int = 0  # none: no energy report


def train(run: Run, tools: Tools) -> List[str]:
    """``tools/train.py``; continues where a checkpoint is."""
    work_dir = run.folder / 'train'
    return [
        *script(tools, 'train.py'),
        str(run.config), '--work-dir', str(work_dir), '--seed', str(run.seed),
        # train.py finds the last one that is whole, whatever MMEngine's
        # pointer names.
        *(['--resume'] if any(work_dir.glob('*.pth')) else []),
        *as_arguments(run.train_options)
    ]


def test(run: Run, tools: Tools) -> List[str]:
    """``tools/test.py`` on the last checkpoint."""
    return [
        *script(tools, 'test.py'),
        str(run.config), str(run.checkpoint), '--work-dir',
        str(run.folder / 'test'), *as_arguments(run.test_options)
    ]


def energy(run: Run, tools: Tools) -> List[str]:
    """``tools/analysis_tools/energy.py`` on the last checkpoint."""
    return [
        sys.executable,
        str(tools.folder / 'analysis_tools/energy.py'),
        str(run.config), str(run.checkpoint), '--samples',
        str(tools.energy_samples), '--out', str(run.folder / 'energy'),
        '--device', 'cuda' if torch.cuda.is_available() else 'cpu',
        *as_arguments(run.train_options)
    ]


def script(tools: Tools, name: str) -> List[str]:
    """How one of the tools is started, on one or several devices."""
    path = str(tools.folder / name)
    if tools.gpus == 1:
        return [sys.executable, path]
    return [
        sys.executable, '-m', 'torch.distributed.run', '--standalone',
        '--nproc-per-node', str(tools.gpus), path, '--launcher', 'pytorch'
    ]


class Stage(NamedTuple):
    """A command of a run, and whether it need not run any more."""
    name: str
    command: List[str]
    done: bool


def measured(run: Run, samples: int) -> bool:
    """Whether the energy of so many samples is known, or of all there are."""
    try:
        report = read_json(run.folder / 'energy.json')
        if report['samples'] >= samples:
            return True
        # The data set may have fewer than were asked for.
        return read_json(run.folder / ASKED)['samples'] >= samples
    except (FileNotFoundError, BenchmarkError, KeyError, TypeError):
        return False


def stages(run: Run, tools: Tools) -> List[Stage]:
    """What a run still consists of; asked anew after every stage."""
    # Of a finished run, the checkpoint may have been removed.
    finished = (run.folder / 'result.json').exists()
    trained = finished or last_checkpoint(
        run.folder / 'train') == run.checkpoint.name
    tested = finished or test_metrics(run.folder / 'test') is not None
    enough = not tools.energy_samples or measured(run, tools.energy_samples)
    return [
        Stage('train', train(run, tools), trained),
        Stage('test', test(run, tools), tested),
        Stage('energy', energy(run, tools), enough),
    ]
