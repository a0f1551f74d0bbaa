"""Train for thousands of iterations and see what grows.

    python tools/analysis_tools/soak.py --iters 4000 --out docs/results/soak.md

A tiny ReSpike trains on generated videos with a persistent worker and a
checkpoint an epoch. Memory and open files, of this process and its workers,
and the CPU-seconds and wall time of an iteration are sampled on the way; a
straight line through each, less the first quarter, gives its slope. The
history of logged values is bounded to an eighth of the run, so that it is
full before the line begins. Linux only: the figures come from /proc.
"""
import argparse
import os
import sys
import time
from pathlib import Path
from typing import Dict, List

import numpy as np

TOOLS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOOLS), str(Path(__file__).resolve().parent)]

import _common  # noqa: E402
from _tiny_run import (WORK_DIR_HELP, empty_folder, make_data,  # noqa: E402
                       tiny_config)

ITERS_PER_EPOCH = 8
# Column of a sample to its name and unit.
QUANTITIES = {
    'memory': 'memory of the main process, MiB',
    'worker_memory': 'memory of the worker, MiB',
    'files': 'open files of the main process',
    'worker_files': 'open files of the worker',
    'cpu': 'CPU time of an iteration, ms',
    'wall': 'wall time of an iteration, ms',
    'checkpoint': 'size of a checkpoint, MiB',
}


def memory(pid: int) -> float:
    """Resident memory that a process shares with no file, in MiB."""
    status = Path(f'/proc/{pid}/status').read_text()
    line, = [line for line in status.splitlines() if 'RssAnon' in line]
    return int(line.split()[1]) / 1024


def open_files(pid: int) -> int:
    """Open file descriptors of a process."""
    return len(os.listdir(f'/proc/{pid}/fd'))


def children(pid: int) -> List[int]:
    """Processes that a process started."""
    return [int(child) for task in os.listdir(f'/proc/{pid}/task')
            for child in Path(f'/proc/{pid}/task/{task}/children')
            .read_text().split()]


class Samples:
    """What was seen, every so many iterations."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.rows: List[Dict[str, float]] = []
        self._last = 0, time.process_time(), time.perf_counter()

    def take(self, iteration: int) -> None:
        """Look at this process and its workers."""
        before, cpu, wall = self._last
        self._last = now = iteration, time.process_time(), time.perf_counter()
        done = iteration - before
        workers = children(os.getpid())
        note = self.work_dir / 'last_checkpoint'
        size = Path(note.read_text()).stat().st_size if note.is_file() else 0
        self.rows.append(dict(
            iteration=iteration, memory=memory(os.getpid()),
            worker_memory=sum(map(memory, workers)),
            files=open_files(os.getpid()),
            worker_files=sum(map(open_files, workers)),
            cpu=1000 * (now[1] - cpu) / done,
            wall=1000 * (now[2] - wall) / done, checkpoint=size / 2**20))


def slopes(rows: List[Dict[str, float]]) -> Dict[str, dict]:
    """Straight lines through the samples, less the first quarter.

    Returns:
        For every quantity its values at the line's ends, the slope per 1,000
        iterations and the slope's standard error.
    """
    rows = rows[len(rows) // 4:]
    x = np.array([row['iteration'] for row in rows]) / 1000
    lines = {}
    for name in QUANTITIES:
        y = np.array([row[name] for row in rows])
        slope, start = np.polyfit(x, y, 1)
        rest = y - (start + slope * x)
        error = np.sqrt(rest @ rest / (len(x) - 2) /
                        np.square(x - x.mean()).sum())
        lines[name] = dict(first=start + slope * x[0],
                           last=start + slope * x[-1], slope=slope,
                           error=error)
    return lines


def report(rows: List[Dict[str, float]], command: str) -> str:
    """The slopes as Markdown."""
    lines = [
        f'Made by `{command}`: {rows[-1]["iteration"]} iterations, a sample '
        f'every {rows[0]["iteration"]}.', '',
        '| quantity | first | last | per 1,000 iterations |',
        '| --- | --- | --- | --- |'
    ]
    lines += [f'| {QUANTITIES[name]} | {line["first"]:.2f} | '
              f'{line["last"]:.2f} | {line["slope"]:+.3f} ± '
              f'{line["error"]:.3f} |'
              for name, line in slopes(rows).items()]
    return '\n'.join(lines) + '\n'


def main() -> None:
    """Train and sample."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--iters', type=int, default=4000)
    parser.add_argument('--samples', type=int, default=100)
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/soak'),
                        help=WORK_DIR_HELP)
    parser.add_argument('--out', type=Path, help='Markdown file to write')
    args = parser.parse_args()
    folder = empty_folder(args.work_dir, parser)
    _common.import_plugin()
    import torch
    from mmengine.hooks import Hook
    from mmengine.runner import Runner
    torch.set_num_threads(1)
    make_data(folder / 'data')
    cfg = tiny_config(folder / 'data', folder / 'run')
    cfg.train_dataloader.num_workers = 1
    cfg.train_cfg.max_epochs = args.iters // ITERS_PER_EPOCH
    cfg.default_hooks.logger.interval = 50
    cfg.default_hooks.bounded_history.max_length = max(
        cfg.log_processor.window_size, args.iters // 8)
    samples = Samples(folder / 'run')
    interval = args.iters // args.samples

    class SampleHook(Hook):

        def after_train_iter(self, runner: Runner, **kwargs) -> None:
            if self.every_n_train_iters(runner, interval):
                samples.take(runner.iter + 1)

    runner = Runner.from_cfg(cfg)
    runner.register_hook(SampleHook())
    runner.train()
    text = report(samples.rows, 'python tools/analysis_tools/soak.py '
                  f'--iters {args.iters} --samples {args.samples}')
    print(text)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text)


if __name__ == '__main__':
    main()
