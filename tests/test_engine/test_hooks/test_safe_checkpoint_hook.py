"""Failing writes inside a real runner."""
import errno
import os
from itertools import count

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.fileio import LocalBackend
from mmengine.model import BaseModel
from mmengine.runner import Runner

from respike_mm.engine import damage
from respike_mm.engine.hooks import safe_checkpoint_hook
from respike_mm.fileio import AtomicBackend

names = count()


class One(BaseModel):

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.register_buffer('mean', torch.ones(()))

    def forward(self, inputs, mode='loss'):
        loss = self.weight * torch.stack(inputs).mean()
        return dict(loss=loss) if mode == 'loss' else inputs


class Improving(BaseMetric):

    def process(self, data_batch, data_samples):
        self.results.append(next(names))

    def compute_metrics(self, results):
        return dict(acc=float(results[-1]))


def train(work_dir, custom_hooks=None, **checkpoint):
    loader = dict(dataset=[dict(inputs=torch.ones(()))], batch_size=1,
                  num_workers=0, sampler=dict(type='DefaultSampler'))
    Runner(
        model=One(), work_dir=str(work_dir), train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=3), val_dataloader=loader,
        val_cfg=dict(), val_evaluator=[Improving()],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(type='SafeCheckpointHook', interval=1,
                            **checkpoint)),
        custom_hooks=custom_hooks, default_scope='mmaction',
        randomness=dict(seed=0),
        experiment_name=f'safe_{next(names)}').train()


def files(work_dir):
    return sorted(path.name for path in work_dir.glob('*.pth'))


def test_keeps_as_many_as_it_should(tmp_path):
    train(tmp_path, max_keep_ckpts=2, save_best='acc')
    assert files(tmp_path) == [
        'best_acc_epoch_3.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(
        tmp_path / 'epoch_3.pth')


@pytest.mark.parametrize('failing, left', [
    ('epoch_3', ['best_acc_epoch_2.pth', 'epoch_2.pth']),
    ('best_acc_epoch_3', ['best_acc_epoch_2.pth', 'epoch_3.pth']),
])
def test_full_disk_leaves_the_last_good_checkpoints(tmp_path, monkeypatch,
                                                    failing, left):
    """Even where a single one is kept."""
    fsync = os.fsync

    def full(descriptor):
        # What was written so far stays in a file of that name.
        name = os.readlink(f'/proc/self/fd/{descriptor}')
        if os.path.basename(name) == f'.{failing}.pth.part':
            raise OSError(errno.ENOSPC, 'No space left on device')
        fsync(descriptor)

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match=f'cannot write .*{failing}.pth'):
        train(tmp_path, max_keep_ckpts=1, save_best='acc')
    assert files(tmp_path) == left
    assert all(damage(tmp_path / name) is None for name in left)
    noted, = (tmp_path / 'last_checkpoint').read_text().split()
    assert damage(noted) is None


def test_other_backends_are_asked_for_as_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(AtomicBackend, 'put', None)
    written = []
    put = LocalBackend.put
    monkeypatch.setattr(
        LocalBackend, 'put',
        lambda self, *args: written.append(args[1]) or put(self, *args))
    train(tmp_path, backend_args=dict(backend='local'))
    assert len(written) == 3


@pytest.mark.parametrize('hooks', [[], [dict(type='EMAHook')]], ids=str)
@pytest.mark.parametrize('by_epoch, name, saved', [
    (False, 'iter_3.pth', 4.5), (True, 'epoch_3.pth', 1.)])
def test_statistics_of_all_processes_go_into_an_iterations_checkpoint(
        tmp_path, monkeypatch, by_epoch, name, saved, hooks):
    """The other process's mean is 5 at each of three checkpoints, ours is 1,
    then 3, 4 and 4.5. The end of an epoch averages by itself."""

    def all_reduce(buffers, op):
        assert op == 'mean'
        for buffer in buffers:
            if buffer.is_floating_point():  # EMAHook also counts
                buffer.add_(5).div_(2)

    monkeypatch.setattr(safe_checkpoint_hook, 'is_distributed', lambda: True)
    monkeypatch.setattr(safe_checkpoint_hook, 'all_reduce_params', all_reduce)
    train(tmp_path, hooks, by_epoch=by_epoch, max_keep_ckpts=1)
    assert files(tmp_path) == [name]
    weights = torch.load(tmp_path / name, weights_only=False)['state_dict']
    assert weights['mean'] == saved
