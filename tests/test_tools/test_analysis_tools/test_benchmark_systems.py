"""What is compared: systems that take the same clips, by name."""
from argparse import Namespace

import pytest
import torch
from _benchmark.system import segments
from _benchmark.systems import MODIFIERS, build
from mmengine.registry import init_default_scope
from torch import nn

from respike_mm.deployment import Int8SpikeConv2d


def options(**changes):
    return Namespace(**{
        **dict(depth=18, stride=4, frames=4, crop=64, mode='test',
               device='cpu'), **changes})


@pytest.fixture
def scope():
    init_default_scope('mmaction')


def test_segments():
    clips = torch.arange(4.).view(1, 4, 1, 1, 1).expand(1, 4, 3, 2, 2)
    found = segments(clips + 7, 2)
    assert found.shape == (1, 1, 2, 2, 3, 2, 2)
    assert found[0, 0, :, :, 0, 0, 0].tolist() == [[7, 1], [9, 1]]


def lively(state):
    """Weights with which neurons fire and the fusion acts."""
    torch.manual_seed(0)
    for name, value in state.items():
        if name.endswith(('bn1.bias', 'bn2.bias', 'norm.bias')):
            value.fill_(0.3)
        elif 'running_var' in name:
            value.uniform_(0.5, 1.5)
        elif 'proj_out.weight' in name:
            value.normal_(0, 0.02)
    return state


def training_step(system):
    """Loss and gradients by name, in float64."""
    torch.manual_seed(0)
    clips = torch.randn(2, 4, 3, 64, 64, dtype=torch.float64)
    model = system.model.double()
    loss = system.logits(clips)[:, 3].sum()
    loss.backward()
    return loss, {name: p.grad for name, p in model.named_parameters()}


def test_plain_and_respike_start_from_the_same_weights(scope):
    """So both do the same work, and gradients reach all of the fusion."""
    plain, respike = (build(name, options(mode='train'))
                      for name in ('plain', 'respike:checkpoint=all'))
    for name, value in plain.model.state_dict().items():
        assert respike.model.state_dict()[name].equal(value), name
    loss, gradients = training_step(respike)
    expected_loss, expected = training_step(plain)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gradients, expected, rtol=1e-6, atol=1e-9)
    fusion = {name: grad for name, grad in gradients.items()
              if name.startswith('neck.') and name.endswith('weight')}
    assert len(fusion) > 40
    assert all(grad.abs().max() > 0 for grad in fusion.values())


def test_other_shapes_keep_their_own_weights(scope):
    """The fusion's last layer then is zero at the start."""
    state = build('respike:snn_backbone.base_channels=32',
                  options()).model.state_dict()
    assert not state['neck.blocks.0.proj_out.weight'].any()


@torch.no_grad()
@pytest.mark.parametrize('name, change', [
    ('plain', None), ('respike:checkpoint=all', None), ('respike', 'fold')],
    ids=['plain', 'checkpoint', 'fold'])
def test_variants_of_respike_compute_the_same(name, change, scope):
    """Else their times would mean nothing."""
    first, other = build('respike', options()), build(name, options())
    state = lively(first.model.state_dict())
    for system in (first, other):
        system.model.load_state_dict(state)
        system.model.double()
    if change is not None:
        other = MODIFIERS[change](other, options())
    clips = torch.randn(1, 4, 3, 64, 64, dtype=torch.float64)
    expected = first.logits(clips)
    torch.testing.assert_close(
        other.logits(clips), expected, rtol=1e-9, atol=1e-9)
    assert (first.logits(clips.flip(1)) - expected).abs().max() > 1e-4


@torch.no_grad()
def test_onnxruntime_computes_the_same(scope):
    """It gives scores, at the batch size that was asked for."""
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    system, batch = build('respike', options()), 3
    system.model.load_state_dict(lively(system.model.state_dict()))
    exported = MODIFIERS['onnxruntime'](system,
                                        options(batch=batch, threads=1))
    clips = torch.randn(batch, 4, 3, 64, 64)
    expected = system.logits(clips).softmax(1)
    torch.testing.assert_close(
        exported.logits(clips), expected, rtol=0, atol=1e-5)
    assert expected.std(0).max() > 1e-3


def test_modifiers_change_the_model_that_runs(scope):
    """Both variants of inference fold all norms; int8 is in one."""
    clips = torch.randn(1, 4, 3, 64, 64)
    for name, is_int8 in (('respike+fold', False), ('respike+int8', True)):
        system, kinds = build(name, options()), set()
        for module in system.model.modules():
            module.register_forward_hook(
                lambda module, *_: kinds.add(type(module)))
        with torch.no_grad():
            system.logits(clips)
        assert nn.BatchNorm2d not in kinds
        assert (Int8SpikeConv2d in kinds) is is_int8


@pytest.mark.parametrize('name', ['tsn_r50', 'i3d_r50', 'res3d_r18'])
@torch.no_grad()
def test_systems_take_the_same_clips(name, scope):
    system = build(name, options(frames=8))
    assert system.logits(torch.randn(2, 8, 3, 64, 64)).shape == (2, 101)


@pytest.mark.parametrize('name, message', [
    ('resnet', 'no system'),
    ('respike+fast', 'no such modifiers'),
    ('respike:checkpoint', 'key=value'),
    ('respike:ckpt=all', 'unexpected keyword'),
    ('c3d', 'leave --frames at 16'),
    ('tsn_r50+int8', 'no convolution behind'),
    ('tsn_r50+openvino', 'only respike'),
    ('tsn_r50+onnxruntime', 'only respike'),
])
def test_bad_systems(name, message, scope):
    with pytest.raises(SystemExit, match=message):
        build(name, options())


@pytest.mark.parametrize('modifier',
                         ['fold', 'int8', 'onnxruntime', 'openvino'])
def test_only_for_evaluation(modifier, scope):
    with pytest.raises(SystemExit, match='needs --mode test'):
        build(f'respike+{modifier}', options(mode='train'))
