import json
from types import SimpleNamespace

import pytest

pytest.importorskip('av')

from _benchmark import timing  # noqa: E402
from _benchmark.loading import time_loader  # noqa: E402
from benchmark_loader import to_markdown  # noqa: E402

CONFIG = 'configs/respike_tiny_motion_shapes.py'
TOOL = 'benchmark_loader.py'


def test_every_part_has_its_time(run, root, tmp_path, capsys):
    out = tmp_path / 'loader'
    run(TOOL, root / CONFIG, '--batch', 2, '--workers', 1, '--rounds', 2,
        '--videos', tmp_path, '--out', out)
    report = json.loads(out.with_suffix('.json').read_text())
    rows = {row['part'].strip('*'): row for row in report['rows']}
    *transforms, pipeline, loader, model = rows
    assert transforms[0] == 'VideoInit' and 'KeyResidualSampler' in transforms
    assert rows[pipeline]['s'] == pytest.approx(
        sum(rows[name]['s'] for name in transforms))
    assert rows['VideoDecode']['s'] > 0
    assert loader == 'loader, 1 worker(s)' and report['workers'] == 1
    # One worker cannot be much faster than the same work in one process.
    assert rows[loader]['wall_s'] > 0.5 * rows[pipeline]['s']
    assert rows[model]['s'] > 0 and rows[model]['wall_s'] > 0
    text = capsys.readouterr().out
    assert text == out.with_suffix('.md').read_text()
    found = report['machine']
    assert f'{found["processor"]}, {found["cpu_capability"]}, 1 CPU' in text


class Loader:
    """Batches of two from three workers, and a clock that they move on."""
    num_workers, batch_size = 3, 2

    def __init__(self, seconds):
        self.seconds, self.now = seconds, 0.

    def __iter__(self):
        for number, seconds in enumerate(self.seconds):
            self.now += seconds
            yield number

    def clock(self):
        return self.now


def test_the_first_batch_of_every_worker_is_not_counted(monkeypatch):
    loader = Loader([100, 0, 0, 6, 6, 6, 6, 9, 9, 1])
    monkeypatch.setattr(timing, 'time', SimpleNamespace(
        perf_counter=loader.clock, process_time=loader.clock))
    found, last = time_loader(loader, 2)
    assert found == dict(wall_s=3.5, wall_s_min=3., wall_s_max=4.)
    assert last == 8  # the tenth is not asked for


def test_too_few_batches():
    with pytest.raises(SystemExit, match='fewer than the 9 batches of 2'):
        time_loader(Loader([1] * 8), 2)


def test_own_videos(run, root, tmp_path):
    """The list that the config names is read, here in vain."""
    absent = tmp_path / 'absent.txt'
    with pytest.raises(FileNotFoundError, match=str(absent)):
        run(TOOL, root / CONFIG, '--own-videos', '--cfg-options',
            f'train_dataloader.dataset.ann_file={absent}')


@pytest.mark.parametrize('loader_s, model_s, limit', [
    (0.5, 0.2, 'loader'), (0.1, 0.2, 'model')])
def test_the_slower_one_limits(loader_s, model_s, limit):
    text = to_markdown(dict(command='', description='', rows=[
        dict(part='Flip', s=0.3), dict(part='pipeline', s=0.3),
        dict(part='loader', wall_s=loader_s),
        dict(part='model', s=0.4, wall_s=model_s)]))
    assert f'The {limit} limits training. 1.50 workers' in text
    assert f'| loader |  | {1 / loader_s:.1f} |' in text
    assert '| model | 400.0 | 5.0 |' in text
