"""The hook inside a real runner on a toy model."""
import json

import pytest
import torch
from mmengine.dataset import Compose
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import (BatchSampler, ConcatDataset, DataLoader, Dataset,
                              Subset)

from respike_mm.engine import EnergyHook
from respike_mm.engine.hooks.energy_hook import spread
from respike_mm.evaluation.energy import measure_energy
from respike_mm.models import LIFNeuron


class Clips(Dataset):
    """Twelve clips of three steps; later ones are brighter and fire more."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        torch.manual_seed(index)
        return dict(inputs=(1 + index) * torch.rand(3, 1, 4, 4))


class Toy(BaseModel):

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.lif = LIFNeuron()
        self.conv = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, inputs, mode='predict'):
        x = torch.stack(inputs) if isinstance(inputs, list) else inputs
        y = self.norm(self.stem(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        spikes = self.lif(y.transpose(0, 1)).flatten(0, 1)
        scores = self.conv(spikes).mean((1, 2, 3))
        return dict(loss=scores.mean()) if mode == 'loss' else list(
            scores.split(1))


class Total(BaseMetric):
    """Sums the outputs, and does arithmetic that is not the model's."""

    def process(self, data_batch, data_samples):
        self.results += [(x @ x[None]).item() for x in data_samples]

    def compute_metrics(self, results):
        return dict(total=sum(results))


def runner_with(tmp_path, hooks, dataset=None, loader=None, **kwargs):
    loader = loader or dict(
        dataset=dataset or Clips(), batch_size=2, num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'))
    return Runner(
        model=Toy(), work_dir=str(tmp_path), test_dataloader=loader,
        test_cfg=dict(), test_evaluator=[Total()], custom_hooks=hooks,
        default_scope='mmaction', experiment_name=f'energy_{tmp_path.name}',
        **kwargs)


def test_energy_stands_beside_the_metrics(tmp_path):
    plain = runner_with(tmp_path / 'plain', []).test()
    runner = runner_with(tmp_path / 'metered', [dict(type='EnergyHook')])
    state = {k: v.clone() for k, v in runner.model.state_dict().items()}
    metrics = runner.test()
    assert metrics['total'] == plain['total']
    assert all(
        torch.equal(state[k], v) for k, v in runner.model.state_dict().items())
    assert 'test_step' not in vars(runner.model)

    batches = [dict(inputs=x['inputs'][None]) for x in
               (Clips()[i] for i in range(12))]
    report = measure_energy(Toy(), batches)
    for rule in ('paper', 'strict'):
        assert metrics[f'energy/{rule}_mj'] == pytest.approx(
            report.totals()[rule]['energy_mj'])
    rate = report.firing_rates['lif']
    assert metrics['firing_rate/lif'] == pytest.approx(rate) and rate > 0
    assert metrics['firing_rate/mean'] == metrics['firing_rate/lif']

    hub = MessageHub.get_current_instance()
    assert hub.get_scalar('test/energy/strict_mj').current() == \
        metrics['energy/strict_mj']
    log, = (tmp_path / 'metered').glob('*/*.log')
    assert 'energy/strict_mj:' in log.read_text()
    saved, = (tmp_path / 'metered').glob('*/energy.json')
    content = json.loads(saved.read_text())
    assert content['samples'] == 12
    assert content['outside_model'] == {}  # the metric's product is not seen


@pytest.mark.parametrize('wrap', [
    lambda x: x, lambda x: ConcatDataset([x, Clips()]),
    lambda x: Subset(ConcatDataset([x]), range(12))
])
def test_clips_are_found_inside_wrapped_data_sets(tmp_path, wrap):
    dataset = Clips()
    dataset.pipeline = Compose([dict(type='mmaction.SampleFrames',
                                     clip_len=3, num_clips=5)])
    runner_with(tmp_path, [dict(type='EnergyHook', num_samples=2)],
                dataset=wrap(dataset)).test()
    saved, = tmp_path.glob('*/energy.json')
    content = json.loads(saved.read_text())
    assert (content['samples'], content['clips']) == (2, 10)


def test_chosen_batches_are_spread_over_the_set(tmp_path):
    assert spread(3, 6) == {0, 2, 4}
    assert spread(2, 5) == {0, 2}
    assert spread(9, 3) == {0, 1, 2}
    hook = dict(type='EnergyHook', num_samples=5, out=None, rules=['strict'])
    metrics = runner_with(tmp_path, [hook]).test()
    chosen = [Clips()[i]['inputs'][None] for i in (0, 1, 4, 5, 8, 9)]
    expected = measure_energy(Toy(), chosen).totals()['strict']['energy_mj']
    assert metrics['energy/strict_mj'] == pytest.approx(expected)
    assert 'energy/paper_mj' not in metrics
    assert not list(tmp_path.glob('*/energy.*'))


def test_batch_samplers_say_how_large_batches_are(tmp_path):
    batches = BatchSampler(range(12), batch_size=3, drop_last=False)
    hook = dict(type='EnergyHook', num_samples=4)
    runner_with(tmp_path, [hook],
                loader=DataLoader(Clips(), batch_sampler=batches)).test()
    saved, = tmp_path.glob('*/energy.json')
    content = json.loads(saved.read_text())
    assert content['samples'] == 6  # two batches
    assert content['input_shapes'] == [[3, 1, 4, 4]]


@pytest.mark.parametrize('options, name', [
    (dict(batch_sampler=[[0, 1], [2]]), 'list'),
    (dict(batch_size=None), 'NoneType'),
])
def test_batches_of_unknown_size_are_refused(tmp_path, options, name):
    runner = runner_with(tmp_path, [dict(type='EnergyHook')],
                         loader=DataLoader(Clips(), **options))
    with pytest.raises(ValueError, match=rf'EnergyHook: .*\({name}\).*batch_'
                       'size'):
        runner.test()


def test_neurons_by_name(tmp_path):
    """A registered one, and what happens where it is not named."""

    class Step(nn.Module):

        def forward(self, x):
            return (x > 0).to(x)

    class Other(Toy):

        def __init__(self):
            super().__init__()
            self.lif = Step()

    metrics = {}
    for name, neurons in (('named', ['StepNeuron']), ('plain', [])):
        MODELS.register_module(name='StepNeuron', module=Step)
        try:
            runner = runner_with(tmp_path / name, [
                dict(type='EnergyHook', num_samples=2, neurons=neurons)])
        finally:
            MODELS.module_dict.pop('StepNeuron')
        runner.model = Other()
        metrics[name] = runner.test()
    assert 0 < metrics['named']['firing_rate/lif'] < 1
    assert 'firing_rate/lif' not in metrics['plain']
    # Stem and spike-driven layer alone; the other as an ANN, densely.
    assert metrics['named']['energy/paper_mj'] < \
        metrics['plain']['energy/paper_mj']
    logs = {name: next((tmp_path / name).glob('*/*.log')).read_text()
            for name in metrics}
    assert 'no spiking neuron was recognised' in logs['plain']
    assert 'no spiking neuron' not in logs['named']


def test_validation_during_training(tmp_path):
    loader = dict(dataset=Clips(), batch_size=2, num_workers=0,
                  sampler=dict(type='DefaultSampler', shuffle=False),
                  collate_fn=dict(type='default_collate'))
    runner = Runner(
        model=Toy(), work_dir=str(tmp_path), train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=2), val_dataloader=loader,
        val_cfg=dict(), val_evaluator=[Total()], default_scope='mmaction',
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        experiment_name=f'energy_{tmp_path.name}',
        custom_hooks=[dict(type='EnergyHook', phases=['val'], num_samples=4)])
    runner.train()
    history, steps = MessageHub.get_current_instance().get_scalar(
        'val/energy/strict_mj').data
    assert len(history) == 2 and history[0] != history[1]
    assert 'val_step' not in vars(runner.model)


def test_unknown_operations_are_logged(tmp_path):

    class Odd(Toy):

        def forward(self, inputs, mode='predict'):
            torch.linalg.svdvals(inputs[0, 0, 0])
            return super().forward(inputs, mode)

    runner = runner_with(tmp_path, [dict(type='EnergyHook', num_samples=2)])
    runner.model = Odd()
    runner.test()
    log, = tmp_path.glob('*/*.log')
    assert 'does not know aten' in log.read_text()


def test_two_meters_would_count_each_other(tmp_path):
    hooks = [dict(type='EnergyHook'),
             dict(type='EnergyHook', out='other', phases=['val', 'test'])]
    with pytest.raises(ValueError, match="both measure .'test'.; give one"):
        runner_with(tmp_path, hooks).test()


def test_a_failing_step_leaves_the_model_unmetered(tmp_path):

    class Failing(Toy):

        def forward(self, inputs, mode='predict'):
            raise RuntimeError('broken')

    runner = runner_with(tmp_path, [dict(type='EnergyHook')])
    runner.model = Failing()
    with pytest.raises(RuntimeError, match='broken'):
        runner.test()
    assert 'test_step' not in vars(runner.model)
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


@pytest.mark.parametrize('kwargs, message', [
    (dict(phases=['train']), 'phases'),
    (dict(num_samples=0), 'num_samples'),
    (dict(constants=dict(pj_mac=-1)), 'pj_mac'),
    (dict(neurons=['Nothing']), "neurons: .*'Nothing'"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        EnergyHook(**kwargs)
