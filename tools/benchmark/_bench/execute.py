"""Runs side by side, each a sequence of the project's own commands."""
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Sequence

from .commands import ASKED, Stage, Tools, stages
from .files import read_json, write_json
from .results import revision, write_result
from .runs import BEGUN, DONE, FAILED, RUNNING, STALE, Run, locked, state

TAIL = 20  # lines of the log that a failure is recorded with
GRACE = 10  # seconds to end in after being asked to


@dataclass
class Task:
    """A run as this process sees it."""
    run: Run
    state: str
    since: Optional[float] = None  # monotonic time, while it is running
    before: float = 0.  # seconds that it had taken before

    @property
    def seconds(self) -> float:
        """Seconds that the run has taken so far."""
        since = self.since  # another thread may end the run right now
        if since is None:
            return recorded_seconds(self.run)
        return self.before + time.monotonic() - since


class Stopped(Exception):
    """The user has interrupted the benchmark."""


class Processes:
    """The child processes, so that all of them end with the benchmark.

    Each is the leader of a process group of its own: Ctrl-C reaches this
    program alone, and ending a training ends its data loaders too.
    """

    def __init__(self, jobs: int) -> None:
        self.env = {**os.environ, 'PYTHONUNBUFFERED': '1'}
        if jobs > 1:
            threads = max(1, os.cpu_count() // jobs)
            self.env.setdefault('OMP_NUM_THREADS', str(threads))
        self.running = set()
        self.stopped = False
        self.starting = threading.Lock()

    def call(self, command: Sequence[str], log: Path, lock: int) -> int:
        """Run a command to its end; its output goes to the log.

        Returns:
            Its exit status.

        Raises:
            Stopped: If ``stop`` was called before or meanwhile.
        """
        with open(log, 'ab') as file:
            file.write(f'$ {" ".join(command)}\n'.encode())
            file.flush()
            with self.starting:
                if self.stopped:
                    raise Stopped
                child = subprocess.Popen(
                    command,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(lock, ))
                self.running.add(child)
            code = child.wait()
            self.running.discard(child)
        if self.stopped:
            raise Stopped
        return code

    def stop(self) -> None:
        """End all children and start no more."""
        with self.starting:
            self.stopped = True
        for child in list(self.running):
            kill_group(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while self.running and time.monotonic() < deadline:
            time.sleep(0.1)
        for child in list(self.running):
            kill_group(child, signal.SIGKILL)


def kill_group(child: subprocess.Popen, number: int) -> None:
    """Signal a child and its own children."""
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def execute(run: Run, tools: Tools, processes: Processes) -> str:
    """Bring a run to its end, from wherever it stands.

    Returns:
        The state that it is in afterwards.

    Raises:
        Stopped: If the user interrupts; the run can be continued.
    """
    with locked(run.folder) as lock:
        if lock is None:
            return RUNNING  # by another process
        settings = run.folder / 'settings.json'
        if not settings.exists():
            gpus = dict(gpus=tools.gpus) if tools.gpus > 1 else {}
            write_json(settings,
                       {**run.settings, **gpus, 'revision': revision()})
        elif read_json(settings)['digest'] != run.digest:
            return fail(
                run, 'begin', None, 'The config has changed since this run '
                f'was begun; remove {run.folder} to begin anew')
        (run.folder / 'failed.json').unlink(missing_ok=True)
        stage = next_stage(run, tools)
        while stage:
            if stage.name == 'energy':  # should it fail, the accuracy stays
                finish(run)
            code = timed(run, stage, processes, lock)
            if stage.name == 'energy' and not code:
                write_json(run.folder / ASKED,
                           dict(samples=tools.energy_samples))
            following = next_stage(run, tools)
            if code or following and following.name == stage.name:
                return fail(run, stage.name, code, log_tail(run))
            stage = following
        finish(run)
        return DONE


def finish(run: Run) -> None:
    """Write a tested run's result, if it is not there."""
    if not (run.folder / 'result.json').exists():
        write_result(run)


def next_stage(run: Run, tools: Tools) -> Optional[Stage]:
    """The first stage that is not done yet."""
    return next((s for s in stages(run, tools) if not s.done), None)


def timed(run: Run, stage: Stage, processes: Processes, lock: int) -> int:
    """Run a stage and add what it took to ``seconds.json``."""
    path, start = run.folder / 'seconds.json', time.monotonic()
    try:
        return processes.call(stage.command, run.folder / 'log.txt', lock)
    finally:
        seconds = read_json(path) if path.exists() else {}
        spent = seconds.get(stage.name, 0) + time.monotonic() - start
        write_json(path, {**seconds, stage.name: spent})


def recorded_seconds(run: Run) -> float:
    """All that ``timed`` has recorded for a run."""
    path = run.folder / 'seconds.json'
    return sum(read_json(path).values()) if path.exists() else 0.


def log_tail(run: Run) -> str:
    """The end of a run's log."""
    lines = (run.folder / 'log.txt').read_text(errors='replace').splitlines()
    return '\n'.join(lines[-TAIL:])


def fail(run: Run, stage: str, code: Optional[int], log: str) -> str:
    """Record a failure."""
    write_json(run.folder / 'failed.json',
               dict(stage=stage, returncode=code, log=log))
    return FAILED


def pending(task: Task, tools: Tools) -> bool:
    """Whether there is something to do, if only an energy report."""
    if task.state == DONE:
        return next_stage(task.run, tools) is not None
    return task.state not in (STALE, RUNNING)


def work(task: Task, tools: Tools, processes: Processes) -> None:
    """Execute a task; whatever goes wrong concerns this run alone."""
    task.before = recorded_seconds(task.run)
    # In this order: without a time it would be another process's.
    task.since, task.state = time.monotonic(), RUNNING
    try:
        task.state = execute(task.run, tools, processes)
    except Stopped:
        task.state = BEGUN
    except Exception:
        text, task.state = traceback.format_exc(), FAILED
        try:
            fail(task.run, 'benchmark', None, text)
        except OSError as error:
            print(f'{task.run.label}: {error}', file=sys.stderr)
    task.since = None


def look_at_others(tasks: Sequence[Task]) -> None:
    """Bring the states of runs at which other processes are up to date."""
    for task in tasks:
        if task.state == RUNNING and task.since is None:
            task.state = state(task.run)


def execute_all(tasks: Sequence[Task], tools: Tools, jobs: int,
                interval: float, report: Callable[[], None]) -> None:
    """Execute everything that is not finished, in the order given.

    Args:
        tasks: All runs of the benchmark; their states are kept up to date.
        tools: How they are started.
        jobs: Runs at a time. They share the processor's cores, unless
            OMP_NUM_THREADS says what each gets.
        interval: Seconds from one report to the next while nothing ends.
        report: Is called at the beginning, after each run and interval.

    Raises:
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after all children have
            ended; the same call continues where they were.
    """
    processes = Processes(jobs)
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {
            pool.submit(work, task, tools, processes)
            for task in tasks
            if pending(task, tools)
        }
        report()
        while futures:
            _, futures = wait(futures, interval, FIRST_COMPLETED)
            look_at_others(tasks)
            report()
    finally:
        # Nothing is left of either unless this was interrupted.
        pool.shutdown(wait=False, cancel_futures=True)
        processes.stop()
        pool.shutdown()
        signal.signal(signal.SIGTERM, handler)
