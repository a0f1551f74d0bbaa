"""The hook inside a real runner on a toy model."""
import json
from copy import deepcopy

import pytest
import torch
from action_samples import labelled
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from respike_mm.engine import CompileHook
from respike_mm.engine.hooks.non_finite_loss_hook import (NonFiniteLossHook,
                                                          first_non_finite,
                                                          is_finite,
                                                          statistics)
from respike_mm.models.common.lif import LIFNeuron

NAN, INF = float('nan'), float('inf')


class Numbers(Dataset):
    """Four samples of two numbers; the third may be bad."""

    def __init__(self, bad=0.):
        self.bad = bad

    def __len__(self):
        return 4

    def __getitem__(self, index):
        sample = labelled(0)
        sample.set_metainfo(dict(video_path=f'clip{index}.mp4'))
        number = self.bad if index == 2 else float(index)
        return dict(inputs=torch.tensor([number, 1.]), data_samples=sample)


class Toy(BaseModel):

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.block = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        # Positive, lest ReLU make a zero of an infinity.
        for weight in self.parameters():
            nn.init.constant_(weight, 0.5)

    def forward(self, inputs, data_samples, mode):
        x = torch.stack(inputs)
        return dict(loss=self.block(self.first(x)).sum())


class RootOf(nn.Module):
    """NaN where its input is negative."""

    def forward(self, x):
        return (x - 10).sqrt()


def runner_of(tmp_path, model, bad=0., **wrapper):
    return Runner(
        model=model, work_dir=str(tmp_path), default_scope='mmaction',
        train_dataloader=dict(
            dataset=Numbers(bad), batch_size=2, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01), **wrapper),
        custom_hooks=[dict(type='NonFiniteLossHook')],
        experiment_name=f'non_finite_{tmp_path.name}')


def stopped(runner, tmp_path, match):
    with pytest.raises(FloatingPointError, match=match) as info:
        runner.train()
    report = json.loads((tmp_path / 'non_finite_loss_rank0.json').read_text())
    assert str(tmp_path / 'non_finite_loss_rank0.json') in str(info.value)
    return report


@pytest.mark.parametrize('wrapper', [
    {}, dict(accumulative_counts=2),
    dict(type='AmpOptimWrapper', dtype='bfloat16')
], ids=['plain', 'accumulated', 'amp'])
def test_layer_files_and_inputs_are_named(tmp_path, wrapper):
    model = Toy()
    model.block.insert(1, RootOf())
    before = deepcopy(model.state_dict())
    runner = runner_of(tmp_path, model, **wrapper)
    report = stopped(runner, tmp_path,
                     r'loss is nan at iteration 1; .* layer .* is block\.1'
                     r'\. Files of the batch: clip0\.mp4, clip1\.mp4')
    assert report['files'] == ['clip0.mp4', 'clip1.mp4']
    assert report['non_finite_weights'] == []
    assert [x['max'] for x in report['inputs']] == [1., 1.]
    # The loss has not reached the weights.
    assert all(torch.equal(before[name], value)
               for name, value in model.state_dict().items())
    # No hook stays behind.
    assert not any(m._forward_hooks for m in model.modules())


@pytest.mark.parametrize('bad', [NAN, INF])
def test_bad_inputs_are_told_from_bad_layers(tmp_path, bad):
    runner = runner_of(tmp_path, Toy(), bad)
    report = stopped(runner, tmp_path,
                     'iteration 2; the preprocessed inputs.*clip2')
    first, second = report['inputs']
    assert first['nan'] + first['inf'] == 1 and first['max'] == 1.
    assert second == dict(shape=[2], dtype='torch.float32', min=1., max=3.,
                          mean=2., nan=0, inf=0)


def test_bad_weights_are_named(tmp_path):
    model = Toy()
    nn.init.constant_(model.block[0].bias, INF)
    report = stopped(
        runner_of(tmp_path, model), tmp_path, r'weights .* block\.0\.bias')
    assert report['non_finite_weights'] == ['block.0.bias']


class Spiking(Toy):
    """Passes spikes alone, behind an attention mask and a batch norm."""

    def __init__(self):
        super().__init__()
        self.norm, self.neuron = nn.BatchNorm1d(2), LIFNeuron()
        self.register_buffer('mask', torch.tensor([0., -INF]))

    def forward(self, inputs, data_samples, mode):
        x = self.norm(torch.stack(inputs))
        spikes = self.neuron(x[None].repeat(2, 1, 1))
        assert spikes.isfinite().all()
        return dict(loss=self.block(self.first(spikes)).sum())


def test_what_spikes_hide_is_not_saved(tmp_path):
    runner = runner_of(tmp_path, Spiking(), bad=NAN)
    with pytest.raises(FloatingPointError, match=(
            r'^4 of the weights .* at iteration 2, norm\.weight the first')):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))


def test_masks_may_be_infinite(tmp_path):
    runner_of(tmp_path, Spiking()).train()
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert saved['state_dict']['mask'].tolist() == [0, -INF]


def test_a_finite_run_is_left_alone(tmp_path):
    runner = runner_of(tmp_path, Toy())
    runner.train()
    assert 'update_params' not in vars(runner.optim_wrapper)
    assert not (tmp_path / 'non_finite_loss_rank0.json').exists()


def test_first_layer_is_the_innermost():
    model = nn.Sequential(nn.Sequential(nn.Identity(), RootOf()), nn.ReLU())
    assert first_non_finite(model, lambda: model(torch.zeros(2))) == '0.1'
    assert first_non_finite(model, lambda: model(torch.full((2, ), 20.))) \
        is None


def test_inputs_of_all_modalities():
    one, two = torch.ones(1), torch.full((2, ), 2.)
    batch = dict(inputs=dict(imgs=[one, two], pose=[two]))
    assert NonFiniteLossHook._inputs(batch) == [
        statistics(x) for x in (one, two, two)]


class Split(Toy):
    """With a part that ``CompileHook`` takes."""

    def __init__(self):
        super().__init__()
        self.block.insert(1, RootOf())

    def forward_branches(self, x):
        return self.block(self.first(x))

    def forward(self, inputs, data_samples, mode):
        return dict(loss=self.forward_branches(torch.stack(inputs)).sum())


def test_layer_of_a_compiled_model_is_named(tmp_path):
    torch._dynamo.reset()
    runner = runner_of(tmp_path, Split())
    # As one graph, since the hooks of the second pass would break it.
    runner.register_hook(CompileHook(backend='eager', fullgraph=True))
    try:
        stopped(runner, tmp_path, r'layer .* is block\.1')
    finally:
        torch._dynamo.reset()


def test_nested_values():
    assert is_finite(dict(a=[torch.ones(2), 'text', None], b=torch.tensor(3)))
    assert not is_finite([dict(a=(torch.ones(2), torch.tensor(NAN)))])


def test_statistics_without_a_finite_value():
    assert statistics(torch.tensor([NAN, INF, -INF])) == dict(
        shape=[3], dtype='torch.float32', min=None, max=None, mean=None,
        nan=1, inf=2)
