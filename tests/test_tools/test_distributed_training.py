"""Several processes do what one does with the same global batch."""
import os
import subprocess
import sys
from pathlib import Path

import distributed_runs
import pytest
import torch

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(scope='module')
def runs(video_set, tmp_path_factory):
    """All cases; a function that gives the results of one, rank by rank."""
    out = tmp_path_factory.mktemp('distributed')
    lines = video_set.train.read_text().splitlines(keepends=True)
    (out / 'list.txt').write_text(
        ''.join(lines[:distributed_runs.GLOBAL_BATCH]))
    done = subprocess.run(
        [sys.executable, distributed_runs.__file__, str(TOOLS),
         str(video_set.folder), str(out / 'list.txt'), str(out)],
        env={**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr

    def results(case, world):
        return [torch.load(out / f'{case}-{world}-{rank}.pth')
                for rank in range(world)]

    return results


def losses_of_updates(results):
    """Mean over ranks and over what was accumulated; one value an update."""
    losses = torch.tensor([result['losses'] for result in results])
    return losses.reshape(
        len(results), distributed_runs.UPDATES, -1).mean((0, 2))


def is_statistic(name):
    return name.endswith(('running_mean', 'running_var',
                          'num_batches_tracked'))


@pytest.mark.parametrize('case, world, tolerance', [
    ('frozen', 2, 1e-6),
    ('frozen', 4, 1e-6),
    ('sync_bn', 2, 1e-4),
    ('accumulated', 2, 1e-6),
    ('batch_norm', 2, 1e-6),
    ('amp', 2, 1e-3),
])
def test_equals_a_single_process(runs, case, world, tolerance):
    alone, together = runs(case, 1), runs(case, world)
    torch.testing.assert_close(
        losses_of_updates(together), losses_of_updates(alone),
        rtol=tolerance, atol=0)
    losses = losses_of_updates(alone)
    assert losses[0] != losses[-1]
    for name, weight in alone[0]['weights'].items():
        if case == 'batch_norm' and is_statistic(name):
            continue  # of other batches: half of the samples each
        for result in together:
            torch.testing.assert_close(
                result['weights'][name], weight, rtol=tolerance,
                atol=tolerance, msg=lambda text: f'{name}: {text}')


@pytest.mark.parametrize('world', [2, 4])
def test_accuracy_and_energy_of_several_processes(runs, world):
    (alone, ), together = runs('frozen', 1), runs('frozen', world)
    assert alone['metrics']['energy/strict_mj'] > 0
    assert alone['metrics']['firing_rate/mean'] > 0
    for result in together:
        assert result['metrics'] == pytest.approx(alone['metrics'])
