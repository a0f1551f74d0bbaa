"""The hook inside a real runner on a toy model."""
import json

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from respike_mm.engine import SpikeRateHook
from respike_mm.models import LIFNeuron


class Steps(Dataset):
    """Four batches of ones, ``[S, N, C] = [2, 1, 4]``."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.ones(2, 1, 4)


class Toy(BaseModel):
    """Channel gains decide who fires: V <- V / 4 + X, threshold 1."""

    def __init__(self, gains):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gains))
        self.lif = LIFNeuron(decay_input=False)

    def forward(self, inputs, mode='loss'):
        return dict(loss=self.lif(inputs * self.gain).mean())


def train(tmp_path, gains, hooks=(), model=Toy, **options):
    runner = Runner(
        model=model(gains), work_dir=str(tmp_path),
        train_dataloader=dict(
            dataset=Steps(), batch_size=1, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=lambda items: dict(inputs=items[0])),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)),
        default_scope='mmaction', experiment_name=f'spike_{tmp_path.name}',
        visualizer=dict(type='Visualizer', vis_backends=[
            dict(type='LocalVisBackend'),
            dict(type='TensorboardVisBackend')]),
        custom_hooks=[dict(type='SpikeRateHook', **options), *hooks])
    runner.train()
    log, = tmp_path.glob('*/*.log')
    return runner, log.read_text()


def written(tmp_path):
    scalars, = tmp_path.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in scalars.read_text().splitlines()]
    return [row for row in rows if 'firing_rate/lif' in row]


def test_rates_go_to_the_visualizer(tmp_path):
    # Never, at the second step (0.9, 1.125), always, always.
    runner, log = train(tmp_path, [0., .9, 2., 2.], interval=2)
    rows = written(tmp_path)
    assert [row['step'] for row in rows] == [2, 4]
    assert all(row['firing_rate/lif'] == 2.5 / 4 for row in rows)
    assert all(row['silent_channels/lif'] == 1 / 4 for row in rows)
    assert list(tmp_path.glob('*/vis_data/events.out.tfevents*'))
    assert not runner.model.lif._forward_hooks
    assert 'lif is' not in log


class SetGain(Hook):

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        gain = {0: 0., 1: 2., 2: .9}.get(batch_idx)
        if gain is not None:
            runner.model.gain.data.fill_(gain)


def test_a_change_of_condition_is_logged_once(tmp_path):
    # Iterations fire at 0, 0, 1 and 0.5: dead, still dead, saturated, ok.
    _, log = train(tmp_path, [0.] * 4, [SetGain()], interval=1)
    flagged = [line.split(' - ')[-2:] for line in log.splitlines()
               if 'lif is' in line]
    assert [(level, text.split(':')[0]) for level, text in flagged] == [
        ('WARNING', 'lif is dead'), ('WARNING', 'lif is saturated'),
        ('INFO', 'lif is ok')]
    assert flagged[0][1].endswith('0 % of its neurons fire per time step, '
                                  '100 % of its channels never')


def test_a_network_without_spikes(tmp_path):

    class Dense(Toy):

        def __init__(self, gains):
            super().__init__(gains)
            self.lif = nn.Identity()

    # More than the iterations there are: it is said at the start.
    with pytest.raises(ValueError, match='Dense has no spiking layers'):
        train(tmp_path, [1.] * 4, model=Dense, interval=50)


def test_layers_that_are_never_run(tmp_path):

    class Idle(Toy):

        def forward(self, inputs, mode='loss'):
            return dict(loss=(inputs * self.gain).mean())

    with pytest.raises(ValueError, match='was called in iteration 2, so'):
        train(tmp_path, [1.] * 4, model=Idle, interval=2)


class Split(Toy):
    """With a part that ``CompileHook`` takes."""

    def forward_branches(self, inputs):
        return self.lif(inputs * self.gain)

    def forward(self, inputs, mode='loss'):
        return dict(loss=self.forward_branches(inputs).mean())


@pytest.mark.parametrize('interval', [1, 2])
def test_compiled_training(interval, tmp_path):
    """Compiled but in the iterations whose rates are taken."""
    torch._dynamo.reset()
    graphs = []

    def backend(graph, inputs):

        def counted(*args):
            graphs.append(graph)
            return graph.forward(*args)

        return counted

    try:
        train(tmp_path, [0., .9, 2., 2.],
              [dict(type='CompileHook', backend=backend)], model=Split,
              interval=interval)
    finally:
        torch._dynamo.reset()
    rows = written(tmp_path)
    assert [row['step'] for row in rows] == list(range(1, 5))[
        interval - 1::interval]
    assert all(row['firing_rate/lif'] == 2.5 / 4 for row in rows)
    assert len(graphs) == 4 - len(rows) and len(set(graphs)) <= 1


@pytest.mark.parametrize('options, match', [
    (dict(interval=0), 'interval'),
    (dict(dead_below=.5, saturated_above=.4), 'dead_below'),
    (dict(saturated_above=1.1), 'saturated_above'),
])
def test_bad_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        SpikeRateHook(**options)
