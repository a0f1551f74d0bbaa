import io
import time
from pathlib import Path

import pytest
from _bench.execute import Task
from _bench.files import write_json, write_text
from _bench.overview import Live, duration, overview, seconds_left
from _bench.runs import BEGUN, DONE, FAILED, RUNNING, STALE, TO_DO, Run
from _bench.suite import Row


def make_task(folder, name, state, seconds=None, running_for=None, epoch=None):
    run = Run(rows=(Row('SNN', name, Path(f'{name}.py'), name), ),
              config=Path(f'{name}.py'), seed=0, split=1,
              folder=folder / f'{name}_{state}', train_options={},
              test_options={}, facts=dict(epochs=10), digest='')
    if seconds:
        write_json(run.folder / 'seconds.json',
                   dict(train=seconds - 1, test=1))
    if epoch:
        write_text(run.folder / 'train/2026/vis_data/scalars.json',
                   f'{{"loss": 1, "epoch": {epoch - 1}}}\n'
                   f'{{"loss": 1, "epoch": {epoch}}}\n{{"lo')
    if not running_for:
        return Task(run, state)
    # Stages that have ended since are in seconds.json, too.
    before = seconds or 0
    write_json(run.folder / 'seconds.json', dict(train=before + running_for))
    return Task(run, state, time.monotonic() - running_for, before)


def test_text(tmp_path):
    tasks = [
        make_task(tmp_path, 'A', DONE, seconds=600),
        make_task(tmp_path, 'A', RUNNING, seconds=60, running_for=240.2,
                  epoch=5),
        make_task(tmp_path, 'B', FAILED),
        make_task(tmp_path, 'C', STALE, seconds=9000),
        make_task(tmp_path, 'A', TO_DO),
    ]
    write_json(tasks[2].run.folder / 'failed.json',
               dict(stage='test', returncode=1, log='a\nout of memory\n'))
    assert overview(tasks, jobs=1) == f'''\
1 of 5 done, 1 running, 1 failed, 1 stale, 1 to do; about 15 min left
  running  A, split 1, seed 0: epoch 5 of 10, 5 min
  failed   B, split 1, seed 0: test: out of memory; \
all of it: {tasks[2].run.folder}/log.txt
  stale    C, split 1, seed 0: its config has changed since; remove \
{tasks[3].run.folder} to repeat it
'''


def test_a_failed_run_may_be_tried_again_meanwhile(tmp_path):
    """Another thread has removed what it failed of."""
    task = make_task(tmp_path, 'B', FAILED)
    assert overview([task], jobs=1) == '0 of 1 done, 1 failed\n'


def test_estimate_by_finished_runs_of_the_same_config(tmp_path):
    """A took 100 s, B 300 s, so C is taken to need 200 s."""
    tasks = [make_task(tmp_path, 'A', DONE, seconds=100),
             make_task(tmp_path, 'B', DONE, seconds=300),
             make_task(tmp_path, 'A', TO_DO), make_task(tmp_path, 'C', TO_DO),
             make_task(tmp_path, 'B', BEGUN, seconds=250)]
    assert seconds_left(tasks, jobs=1) == pytest.approx(100 + 200 + 50)
    # Two at a time; five at a time, the longest decides.
    assert seconds_left(tasks, jobs=2) == pytest.approx(200)
    assert seconds_left(tasks[:3], jobs=5) == pytest.approx(100)


def test_estimate_by_the_pace_of_the_first_run(tmp_path):
    """40 s for 4 of 10 epochs: 60 s more, and 100 s for the next."""
    tasks = [make_task(tmp_path, 'A', RUNNING, running_for=40, epoch=4),
             make_task(tmp_path, 'B', TO_DO)]
    assert seconds_left(tasks, jobs=1) == pytest.approx(160, abs=1)
    assert seconds_left([make_task(tmp_path, 'C', TO_DO)], jobs=1) is None


@pytest.mark.parametrize('seconds, text', [
    (40, '40 s'), (60, '1 min'), (3599, '1 h 0 min'), (7500, '2 h 5 min')])
def test_duration(seconds, text):
    assert duration(seconds) == text


class Terminal(io.StringIO):

    def isatty(self):
        return True


def test_a_log_gets_a_block_when_a_state_changes(monkeypatch):
    now = [0.]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    stream = io.StringIO()
    live = Live(stream)
    for states, seconds in ((['to do'], 1), (['to do'], 2), (['done'], 3),
                            (['done'], 300), (['done'], 900)):
        now[0] = seconds
        live.show(f'at {seconds}\n', states)
    assert [line[11:] for line in stream.getvalue().splitlines()] == [
        'at 1', 'at 3', 'at 900']
    assert '\x1b' not in stream.getvalue()


def test_a_terminal_shows_one_block(monkeypatch):
    monkeypatch.setenv('COLUMNS', '9')
    stream = Terminal()
    live = Live(stream)
    live.show('one\ntwo is too long\n', ['done'])
    live.show('three\n', ['done'])
    assert stream.getvalue() == 'one\ntwo is t\n\x1b[2F\x1b[Jthree\n'
