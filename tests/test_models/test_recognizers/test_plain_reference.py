"""Training steps in float64 against the network written plainly."""
import copy
import functools
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from references.plain_respike import PlainReSpike

from respike_mm.models.common import batch_norm
from respike_mm.models.common.checkpointing import CHECKPOINT_LEVELS

CLASSES = 5
DEVICES = [
    'cpu',
    pytest.param('cuda', marks=pytest.mark.skipif(
        not torch.cuda.is_available(), reason='needs a GPU'))
]
# Of a tensor's largest value. On CPU rounding takes 2e-13 of it.
TOLERANCES = dict(cpu=1e-10, cuda=1e-9)


def ann(depth):
    """A ResNet whose four maps have 16, 32, 64 and 128 channels."""
    return dict(
        type='mmpretrain.ResNet',
        depth=depth,
        stem_channels=8,
        base_channels=16 if depth == 18 else 8,
        expansion=1 if depth == 18 else 2,
        zero_init_residual=False)


def fast_network(depth=18, norm_mode='per_step', **options):
    model = MODELS.build(
        dict(
            type='HybridReSpike',
            backbone=ann(depth),
            snn_backbone=dict(
                type='MSResNet', base_channels=8, norm_mode=norm_mode),
            neck=dict(
                type='CrossAttentionNeck',
                reductions=(2, 1, 1, 1),
                head_channels=4,
                num_groups=4),
            cls_head=dict(type='ReSpikeHead', num_classes=CLASSES),
            **options))
    return model.double().train()


def plain_network(depth=18, norm_mode='per_step'):
    """The reference with weights that let neurons fire and fusion act."""
    torch.manual_seed(0)
    model = PlainReSpike(
        MODELS.build({**ann(depth), 'out_indices': (0, 1, 2, 3)}),
        (16, 32, 64, 128),
        CLASSES,
        base_channels=8,
        reductions=(2, 1, 1, 1),
        head_channels=4,
        num_groups=4,
        norm_mode=norm_mode)
    for name, param in model.named_parameters():
        if 'norm.bias' in name or 'bn' in name and 'bias' in name:
            torch.nn.init.uniform_(param, 0., 0.4)
    return model.double().train()


def clips(stride, batch=2, segments=2):
    torch.manual_seed(1)
    return torch.randn(
        batch, segments * stride, 3, 64, 64, dtype=torch.float64)


def segments_of(clip, stride):
    """Frames ``[N, T, ...]`` to ``[N, 1, K, s, ...]`` with residuals."""
    segments = clip.unflatten(1, (-1, stride))
    residual = segments[:, :, 1:] - segments[:, :, :1]
    return torch.cat([segments[:, :, :1], residual], dim=2).unsqueeze(1)


def train_step(model, *args, **kwargs):
    """Logits, gradients and buffers of one training step."""
    logits = model(*args, **kwargs)
    labels = torch.arange(len(logits), device=logits.device)
    F.cross_entropy(logits, labels).backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    return logits.detach(), grads, dict(model.named_buffers())


def assert_same(actual, expected, tolerance=TOLERANCES['cpu']):
    """Each tensor is compared on its own scale, small gradients too; none
    is zero, which would leave nothing to compare."""
    (logits, *ours), (expected_logits, *theirs) = actual, expected
    for found, wanted in zip([dict(logits=logits), *ours],
                             [dict(logits=expected_logits), *theirs]):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            scale = value.abs().max()
            error = (found[name] - value).abs().max()
            assert scale > 0 and error <= tolerance * scale, name


@functools.lru_cache
def plain_step(depth, norm_mode, stride, device):
    """The reference's weights, clips, and a training step with them."""
    plain = plain_network(depth, norm_mode).to(device)
    weights = copy.deepcopy(plain.state_dict())
    clip = clips(stride).to(device)
    return weights, clip, train_step(plain, clip, stride)


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('depth, norm_mode, stride, checkpoint', [
    *product([18], ['per_step'], [2, 4], CHECKPOINT_LEVELS),
    *product([18], ['merged'], [4], CHECKPOINT_LEVELS),
    *product([50], ['per_step'], [4], ['none', 'all']),
    *product([50], ['merged'], [4], ['neurons']),
])
def test_training_step(depth, norm_mode, stride, checkpoint, device):
    weights, clip, expected = plain_step(depth, norm_mode, stride, device)
    ours = fast_network(depth, norm_mode, checkpoint=checkpoint).to(device)
    ours.load_state_dict(weights, strict=True)
    actual = train_step(ours, segments_of(clip, stride), stage='head')
    assert expected[2]['snn_backbone.stem.norm.num_batches_tracked'] == (
        stride - 1 if norm_mode == 'per_step' else 1)
    assert_same(actual, expected, TOLERANCES[device])


@pytest.mark.parametrize('checkpoint', ['none', 'neurons'])
def test_training_step_as_off_the_cpu(checkpoint, monkeypatch):
    """There batch norm takes all time steps at once."""
    monkeypatch.setattr(batch_norm, '_in_turn', lambda x: False)
    weights, clip, expected = plain_step(18, 'per_step', 4, 'cpu')
    ours = fast_network(checkpoint=checkpoint)
    ours.load_state_dict(weights, strict=True)
    actual = train_step(ours, segments_of(clip, 4), stage='head')
    assert_same(actual, expected)


def test_second_step_and_copies():
    """Nothing of one step is left for the next, nor shared by a copy."""
    plain = plain_network()
    ours = fast_network(checkpoint='all')
    ours.load_state_dict(plain.state_dict())
    twin = copy.deepcopy(ours)
    for stride in (4, 2):
        clip = clips(stride, batch=stride)
        plain.zero_grad()
        twin.zero_grad()
        expected = train_step(plain, clip, stride)
        actual = train_step(twin, segments_of(clip, stride), stage='head')
        assert_same(actual, expected)
    assert all(p.grad is None for p in ours.parameters())
    assert ours.snn_backbone.stem.norm.num_batches_tracked == 0


@torch.no_grad()
def test_evaluation_in_float32():
    """The fast paths of single precision, within rounding."""
    plain = plain_network(depth=50)
    clip = clips(4)
    plain(clip, 4)  # running statistics that let neurons fire
    ours = fast_network(depth=50)
    ours.load_state_dict(plain.state_dict())
    expected = plain.eval()(clip, 4)
    actual = ours.float().eval()(segments_of(clip, 4).float(), stage='head')
    torch.testing.assert_close(
        actual.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('checkpoint', CHECKPOINT_LEVELS)
def test_no_value_is_read_back(checkpoint):
    """Tensors without values stand for a GPU: nothing in a training step
    takes the CPU for granted or waits for a result."""
    model = fast_network(checkpoint=checkpoint).float().to('meta')
    clip = clips(4).float().to('meta')
    logits, grads, _ = train_step(
        model, segments_of(clip, 4), stage='head')
    assert logits.shape == (2, CLASSES)
    assert all(grad.device.type == 'meta' for grad in grads.values())
