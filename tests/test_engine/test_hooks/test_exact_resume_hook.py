"""Runs that stop and go on, beside one that did not stop."""
import logging
import random
from itertools import count

import numpy as np
import pytest
import torch
from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import BatchSampler, Dataset, SequentialSampler

from respike_mm.datasets.samplers import NumberedSampler

names = count()


class Augmented(Dataset):
    """Ten samples, each the sum of what three generators draw."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        noise = random.random() + np.random.rand() + torch.rand(())
        return dict(inputs=index + noise)


class Dropping(BaseModel):

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1, 8)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, inputs, mode='loss'):
        x = self.norm(self.fc(torch.stack(inputs).float()[:, None]))
        return dict(loss=nn.functional.dropout(x).square().mean())


def run(work_dir, resume=None, epochs=3, workers=0, seed=0, by_epoch=False,
        diff_rank_seed=False, dataset=None, loader=None, **kwargs):
    """Train and return the weights; checkpoints are saved at every step."""
    torch.manual_seed(0)  # the same weights, whatever the run's seed
    hooks = dict(
        checkpoint=dict(
            type='SafeCheckpointHook', interval=1, by_epoch=by_epoch),
        exact_resume=dict(type='ExactResumeHook'))
    loader = dict(
        dict(
            dataset=Augmented() if dataset is None else dataset, batch_size=4,
            num_workers=workers, persistent_workers=workers > 0,
            sampler=dict(type='DefaultSampler')), **loader or {})
    runner = Runner(
        model=Dropping(), work_dir=str(work_dir), train_dataloader=loader,
        **dict(dict(train_cfg=dict(by_epoch=True, max_epochs=epochs)),
               **kwargs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        param_scheduler=dict(
            type='CosineAnnealingLR', T_max=3, convert_to_iter_based=True),
        default_hooks=hooks, default_scope='mmaction', resume=bool(resume),
        load_from=resume and str(resume),
        randomness=dict(seed=seed, diff_rank_seed=diff_rank_seed),
        experiment_name=f'exact_{next(names)}')
    runner.train()
    return runner, runner.model.state_dict()


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize('by_epoch, checkpoint', [
    (True, 'epoch_1.pth'),
    (False, 'iter_3.pth'),  # an epoch's end, saved before it
    (False, 'iter_4.pth'),
    (False, 'iter_8.pth'),
])
@pytest.mark.parametrize('workers', [0, 2])
def test_resumed_run_ends_in_the_same_bits(by_epoch, checkpoint, workers,
                                           tmp_path):
    options = dict(workers=workers, by_epoch=by_epoch)
    _, whole = run(tmp_path / 'whole', **options)
    runner, resumed = run(
        tmp_path / 'resumed', tmp_path / 'whole' / checkpoint, **options)
    assert runner.iter == 9 and runner.epoch == 3
    assert equal(whole, resumed)


@pytest.mark.parametrize('diff_rank_seed', [False, True])
def test_a_seed_drawn_by_the_run_comes_back(diff_rank_seed, tmp_path):
    options = dict(seed=None, diff_rank_seed=diff_rank_seed)
    _, whole = run(tmp_path / 'whole', **options)
    _, resumed = run(
        tmp_path / 'resumed', tmp_path / 'whole/iter_4.pth', **options)
    assert equal(whole, resumed)


def test_twice_and_through_two_generations(tmp_path):
    _, whole = run(tmp_path / 'whole')
    run(tmp_path / 'first', tmp_path / 'whole/iter_2.pth', epochs=2)
    _, resumed = run(tmp_path / 'second', tmp_path / 'first/iter_5.pth')
    assert equal(whole, resumed)


def test_same_seed_same_bits_whatever_the_workers(tmp_path):
    _, first = run(tmp_path / 'a', seed=5)
    _, second = run(tmp_path / 'b', seed=5, workers=2)
    _, other = run(tmp_path / 'c', seed=6)
    assert equal(first, second)
    assert not equal(first, other)


def test_augmentation_differs_between_epochs_and_samples(tmp_path):
    class Seen(Augmented):
        noise = []

        def __getitem__(self, index):
            item = super().__getitem__(index)
            self.noise.append(float(item['inputs'] - index))
            return item

    run(tmp_path, epochs=2, dataset=Seen())
    assert len(set(Seen.noise)) == 20


class Batches(BatchSampler):

    def __init__(self, sampler, batch_size):
        super().__init__(sampler, batch_size, drop_last=False)


@pytest.fixture
def batches(monkeypatch):
    monkeypatch.setitem(DATA_SAMPLERS.module_dict, 'Batches', Batches)
    return dict(batch_sampler=dict(type='Batches'))


def test_a_batch_sampler_is_told_the_epoch(batches, tmp_path):
    class Order(Augmented):
        seen = []

        def __getitem__(self, index):
            self.seen.append(index)
            return super().__getitem__(index)

    run(tmp_path, epochs=2, dataset=Order(), loader=batches)
    order = DefaultSampler(Order(), seed=0)
    expected = list(order)
    order.set_epoch(1)
    assert Order.seen == expected + list(order)
    assert expected != list(order)


def test_a_batch_sampler_gets_its_seed_back(batches, tmp_path):
    # Unseeded: the order's seed is not the run's.
    options = dict(seed=None, diff_rank_seed=True, loader=batches)
    _, whole = run(tmp_path / 'whole', **options)
    _, resumed = run(
        tmp_path / 'resumed', tmp_path / 'whole/iter_4.pth', **options)
    assert equal(whole, resumed)


def test_a_sampler_without_epochs():
    sampler = NumberedSampler(SequentialSampler(range(2)), 0, 1)
    sampler.set_epoch(1)
    assert [draw.index for draw in sampler] == [0, 1]


def test_iteration_based_loops_are_left_alone(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        runner, _ = run(
            tmp_path, train_cfg=dict(by_epoch=False, max_iters=2))
    assert not hasattr(runner.train_dataloader.dataset, '__getitems__')
    log, = tmp_path.glob('*/*.log')
    assert 'epoch-based loops only' in log.read_text()


def test_what_cannot_be_made_exact_is_refused(tmp_path):
    with pytest.raises(TypeError, match='has to be a Dataset, not a list'):
        run(tmp_path, dataset=[dict(inputs=torch.zeros(()))] * 4)
