"""Kill a training run again and again; compare with one left in peace.

    python tools/analysis_tools/kill_and_resume.py --kills 20 \\
        --out docs/results/resume.md

A tiny ReSpike trains on generated videos through ``tools/train.py``, with a
worker process, dropout and random crops, and saves a checkpoint every second
iteration. Kills (SIGKILL) come after a random time, up to a third of what the
whole run takes; every second then waits for a checkpoint being written. After
each, ``--resume`` goes on; where a run reaches its end, its weights,
statistics and momenta are compared bit for bit, and another is begun until
there were as many kills as asked for.
"""
import argparse
import os
import random
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

TOOLS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOOLS), str(Path(__file__).resolve().parent)]

import _common  # noqa: E402
from _tiny_run import (WORK_DIR_HELP, empty_folder, make_data,  # noqa: E402
                       tiny_config)


class Kill(NamedTuple):
    """What was killed: the run, when, and what it left."""
    run: int
    moment: str
    checkpoint: str
    torn: str


def start(config: Path, work_dir: Path) -> int:
    """Train in a child, which need not import everything anew.

    Returns:
        Its process id.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        import torch
        torch.set_num_threads(1)  # the pool of threads was not forked
        log = os.open(work_dir / 'output.log',
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ['train.py', str(config), '--work-dir', str(work_dir),
                    '--resume']
        runpy.run_path(str(TOOLS / 'train.py'))['main']()
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(pid: int) -> bool:
    """Whether a child has come to its end.

    Raises:
        RuntimeError: If it failed.
    """
    done, status = os.waitpid(pid, os.WNOHANG)
    if done and status:
        raise RuntimeError(f'training failed ({status}): see output.log')
    return bool(done)


def torn_files(work_dir: Path) -> List[str]:
    """Checkpoints that are, or were, being written."""
    return sorted(path.name for path in work_dir.glob('.*.part'))


def until(pid: int, work_dir: Path, delay: float, writing: bool) -> bool:
    """Wait for the moment of a kill.

    Args:
        pid: The child.
        work_dir: Its work directory.
        delay: Seconds to wait.
        writing: Then wait, too, for a checkpoint being written.

    Returns:
        False if the child ended before.
    """
    moment = time.monotonic() + delay
    while not ended(pid):
        if time.monotonic() >= moment and not (writing
                                               and not torn_files(work_dir)):
            return True
        time.sleep(0 if writing else 0.01)
    return False


def train_with_kills(config: Path, work_dir: Path, run: int,
                     delays: List[float]) -> List[Kill]:
    """Train to the end, with kills after these delays on the way."""
    work_dir.mkdir()
    done: List[Kill] = []
    while True:
        for name in torn_files(work_dir):
            (work_dir / name).unlink()  # so that the next is recognised
        pid = start(config, work_dir)
        writing = bool(len(done) % 2)
        if len(done) == len(delays):
            while not ended(pid):
                time.sleep(0.1)
            return done
        if not until(pid, work_dir, delays[len(done)], writing):
            return done
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        note = work_dir / 'last_checkpoint'
        done.append(Kill(
            run, 'writing' if writing else 'any',
            Path(note.read_text()).name if note.is_file() else 'none',
            ', '.join(torn_files(work_dir)) or 'none'))


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that a run noted as its last."""
    return Path((work_dir / 'last_checkpoint').read_text())


def tensors(checkpoint: Path) -> Dict[str, 'Tensor']:
    """All weights, statistics and momenta of a checkpoint."""
    import torch
    content = torch.load(checkpoint, weights_only=True)
    return {**content['state_dict'],
            **{f'momentum {k}': state['momentum_buffer']
               for k, state in content['optimizer']['state'].items()}}


def differences(first: Path, second: Path) -> List[str]:
    """Names of the tensors in which two checkpoints differ by any bit."""
    import torch
    a, b = tensors(first), tensors(second)
    return sorted(name for name in a.keys() | b.keys()
                  if name not in a or name not in b
                  or not torch.equal(a[name], b[name]))


def report(kills: List[Kill], results: List[List[str]], num_tensors: int,
           command: str) -> str:
    """The outcome as Markdown."""
    torn = sum(kill.torn != 'none' for kill in kills)
    same = sum(not result for result in results)
    lines = [
        f'Made by `{command}`.', '',
        f'Kills: {len(kills)}, in runs: {len(results)}; {torn} of them within '
        f'a write that they left unfinished. {same} of {len(results)} runs '
        f'ended with the uninterrupted run\'s bits in all {num_tensors} '
        'tensors.',
        '', '| run | killed | last checkpoint | unfinished file |',
        '| --- | --- | --- | --- |'
    ]
    lines += [f'| {k.run} | {k.moment} | {k.checkpoint} | {k.torn} |'
              for k in kills]
    return '\n'.join(lines) + '\n'


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument('--seed', type=int, default=0, help='of the moments')
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/kill_and_resume'),
                        help=WORK_DIR_HELP)
    parser.add_argument('--out', type=Path, help='Markdown file to write')
    args = parser.parse_args()
    folder = empty_folder(args.work_dir, parser)
    _common.import_plugin()
    make_data(folder / 'data')
    cfg = tiny_config(folder / 'data', folder)
    cfg.train_dataloader.num_workers = 1
    cfg.train_cfg.max_epochs = args.epochs
    cfg.default_hooks.checkpoint.update(
        by_epoch=False, interval=2, save_best=None)
    cfg.dump(folder / 'config.py')

    kills, results = [], []
    begin = time.monotonic()
    train_with_kills(folder / 'config.py', folder / 'run0', 0, [])
    longest = (time.monotonic() - begin) / 3
    moments = random.Random(args.seed)
    delays = [moments.uniform(0, longest) for _ in range(args.kills)]
    last = last_checkpoint(folder / 'run0')
    while len(kills) < args.kills:
        run = len(results) + 1
        work_dir = folder / f'run{run}'
        kills += train_with_kills(folder / 'config.py', work_dir, run,
                                  delays[len(kills):])
        results.append(differences(last, last_checkpoint(work_dir)))
        print(f'run {run}: {len(kills)} kills so far; differs in '
              f'{results[-1] or "nothing"}', flush=True)
    text = report(kills, results, len(tensors(last)),
                  f'python tools/analysis_tools/kill_and_resume.py --kills '
                  f'{args.kills} --epochs {args.epochs} --seed {args.seed}')
    print(text)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text)
    sys.exit(any(results))


if __name__ == '__main__':
    main()
