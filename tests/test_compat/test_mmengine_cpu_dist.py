import os
import subprocess
import sys

import mmengine.dist.utils as dist_utils
import pytest
import torch
from free_port import free_port
from mmengine.model import MMDistributedDataParallel
from torch.nn.parallel import DistributedDataParallel

from respike_mm.compat import mmengine_cpu_dist

SCRIPT = '''
import os
import sys
from pathlib import Path
import respike_mm
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, inputs, mode):
        if mode == 'loss':
            return dict(loss=(self.weight * torch.stack(inputs)).mean())
        return inputs


class Total(BaseMetric):

    def process(self, data_batch, data_samples):
        self.results += [x.item() for x in data_samples]

    def compute_metrics(self, results):
        return dict(total=sum(results))


def loader(batch_size):
    return dict(
        dataset=[dict(inputs=torch.tensor(x)) for x in (1., 2., 3., 6.)],
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=batch_size, num_workers=0)


def train(rank, work_dir, port):
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    runner = Runner(
        Model(), work_dir=work_dir, launcher='pytorch',
        env_cfg=dict(dist_cfg=dict(backend='gloo')), randomness=dict(seed=0),
        train_dataloader=loader(2), val_dataloader=loader(2),
        train_cfg=dict(by_epoch=True, max_epochs=1), val_cfg=dict(),
        val_evaluator=[Total()],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.)))
    runner.train()
    total = runner.val_loop.run()['total']
    weight = runner.model.module.weight.item()
    Path(work_dir, f'rank{rank}').write_text(
        f'{runner.world_size} {weight} {total}')
    torch.distributed.destroy_process_group()


# Forked, so that the imports above are paid for once.
torch.multiprocessing.start_processes(
    train, args=sys.argv[1:], nprocs=2, start_method='fork')
'''


def test_two_processes_train_and_collect_metrics(tmp_path):
    script = tmp_path / 'train.py'
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), free_port()],
        env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''},
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    # The mean of all four inputs is the gradient: it was averaged over both.
    for rank in range(2):
        assert (tmp_path / f'rank{rank}').read_text() == '2 -3.0 12.0'


@pytest.fixture
def calls(monkeypatch):
    seen = []
    monkeypatch.setattr(torch.cuda, 'set_device',
                        lambda index: seen.append(('set_device', index)))
    monkeypatch.setattr(torch.distributed, 'init_process_group',
                        lambda **kwargs: seen.append(('init', kwargs)))
    monkeypatch.setattr(DistributedDataParallel, '__init__',
                        lambda self, **kwargs: seen.append(('ddp', kwargs)))
    monkeypatch.setattr(
        MMDistributedDataParallel, '__setattr__', object.__setattr__)
    monkeypatch.setenv('RANK', '3')
    monkeypatch.setenv('LOCAL_RANK', '1')
    return seen


def start(calls):
    dist_utils._init_dist_pytorch('gloo', timeout=1)
    MMDistributedDataParallel(module=None, device_ids=[1])
    return calls


@pytest.mark.parametrize('cpu, expected', [
    (True, [
        ('init', dict(backend='gloo', timeout=1)),
        ('ddp', dict(module=None)),
    ]),
    (False, [
        ('set_device', 1),
        ('init', dict(backend='gloo', timeout=1)),
        ('ddp', dict(module=None, device_ids=[1])),
    ]),
])
def test_only_a_cpu_skips_the_devices(cpu, expected, calls, monkeypatch):
    monkeypatch.setattr(mmengine_cpu_dist, '_is_cpu', lambda: cpu)
    assert start(calls) == expected
