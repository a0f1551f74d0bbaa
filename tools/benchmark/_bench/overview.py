"""What is done, running, failed and left, as plain text."""
import shutil
import statistics
import time
from typing import List, Optional, Sequence, TextIO

from .commands import Tools
from .execute import Task, next_stage
from .files import read_json
from .mmengine_files import epoch
from .runs import BEGUN, DONE, FAILED, RUNNING, STALE, TO_DO


def seconds_left(tasks: Sequence[Task], jobs: int) -> Optional[float]:
    """Estimate the time to the end, or None before anything is known.

    A run is expected to take as long as finished runs of the same config
    did; without one, as long as it would at its present pace, and else as
    the other runs on average.
    """
    expected = {}  # by config
    for task in tasks:
        if task.state == DONE:
            expected.setdefault(task.run.config, []).append(task.seconds)
    for task in tasks:
        at = epoch(task.run.folder / 'train') if task.since else None
        if at and task.run.config not in expected:
            pace = task.seconds / at
            expected[task.run.config] = [pace * task.run.facts['epochs']]
    means = {key: statistics.mean(times) for key, times in expected.items()}
    if not means:
        return None
    other = statistics.mean(means.values())
    left = [
        max(0, means.get(task.run.config, other) - task.seconds)
        for task in tasks if task.state in (RUNNING, BEGUN, TO_DO)
    ]
    # The longest of those that are left may be the only one at the end.
    return max(sum(left) / jobs, *left) if left else 0


def duration(seconds: float) -> str:
    """``3 h 20 min``, ``12 min`` or ``40 s``."""
    if seconds < 60:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    return f'{minutes // 60} h {minutes % 60} min' if minutes >= 60 \
        else f'{minutes} min'


def overview(tasks: Sequence[Task], jobs: int) -> str:
    """A line of totals, and one for each run that needs a word."""
    counts = {
        state: sum(task.state == state for task in tasks)
        for state in (DONE, RUNNING, FAILED, STALE, BEGUN, TO_DO)
    }
    line = f'{counts.pop(DONE)} of {len(tasks)} done'
    line += ''.join(f', {n} {state}' for state, n in counts.items() if n)
    left = seconds_left(tasks, jobs)
    if left:
        line += f'; about {duration(left)} left'
    return '\n'.join([line, *filter(None, map(remark, tasks))]) + '\n'


def remark(task: Task) -> Optional[str]:
    """What is to be said of a run."""
    run = task.run
    if task.state == RUNNING:
        at = epoch(run.folder / 'train')
        where = f'epoch {at} of {run.facts["epochs"]}' if at else 'starting'
        return f'  running  {run.label}: {where}, {duration(task.seconds)}'
    if task.state == FAILED:
        try:
            failure = read_json(run.folder / 'failed.json')
        except OSError:  # it is being tried again, or has no folder
            return None
        last = failure['log'].strip().rpartition('\n')[2][:100]
        return (f'  failed   {run.label}: {failure["stage"]}: {last}; '
                f'all of it: {run.folder / "log.txt"}')
    if task.state == STALE:
        return (f'  stale    {run.label}: its config has changed since; '
                f'remove {run.folder} to repeat it')
    return None


def listing(tasks: Sequence[Task], tools: Tools) -> str:
    """Every run with its state, its rows, and the next command."""
    lines: List[str] = []
    for task in tasks:
        lines.append(f'{task.state:8} {task.run.label}')
        stage = None if task.state == STALE else next_stage(task.run, tools)
        if stage:
            lines.append(' ' * 9 + ' '.join(stage.command))
    return '\n'.join(lines) + '\n'


class Live:
    """Shows the overview again and again.

    On a terminal each takes the place of the one before. Elsewhere they
    follow each other, with the time in front, when a state has changed or
    ten minutes have gone by.
    """
    PATIENCE = 600

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lines = 0
        self.last = None
        self.due = 0.

    def show(self, text: str, states: Sequence[str]) -> None:
        """Show an overview of runs that are in these states."""
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            lines = [line[:width] for line in text.splitlines()]
            up = f'\x1b[{self.lines}F\x1b[J' if self.lines else ''
            self.stream.write(up + '\n'.join(lines) + '\n')
            self.lines = len(lines)
        elif states != self.last or time.monotonic() > self.due:
            self.stream.write(time.strftime('[%H:%M:%S] ') + text)
            self.due = time.monotonic() + self.PATIENCE
        self.last = states
        self.stream.flush()
