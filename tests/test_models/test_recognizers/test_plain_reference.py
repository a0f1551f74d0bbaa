"""Training steps in float64 against the network written plainly."""
import copy

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from references.plain_respike import PlainReSpike

from respike_mm.models.common.checkpointing import CHECKPOINT_LEVELS

CLASSES = 5


def ann(depth):
    """A ResNet whose four maps have 16, 32, 64 and 128 channels."""
    return dict(
        type='mmpretrain.ResNet',
        depth=depth,
        stem_channels=8,
        base_channels=16 if depth == 18 else 8,
        expansion=1 if depth == 18 else 2,
        zero_init_residual=False)


def fast_network(depth=18, **options):
    model = MODELS.build(
        dict(
            type='HybridReSpike',
            backbone=ann(depth),
            snn_backbone=dict(type='MSResNet', base_channels=8),
            neck=dict(
                type='CrossAttentionNeck',
                reductions=(2, 1, 1, 1),
                head_channels=4,
                num_groups=4),
            cls_head=dict(type='ReSpikeHead', num_classes=CLASSES),
            **options))
    return model.double().train()


def plain_network(depth=18):
    """The reference with weights that let neurons fire and fusion act."""
    torch.manual_seed(0)
    model = PlainReSpike(
        MODELS.build({**ann(depth), 'out_indices': (0, 1, 2, 3)}),
        (16, 32, 64, 128),
        CLASSES,
        base_channels=8,
        reductions=(2, 1, 1, 1),
        head_channels=4,
        num_groups=4)
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


def assert_same(actual, expected):
    torch.testing.assert_close(actual[0], expected[0], rtol=1e-10, atol=1e-10)
    for ours, theirs in zip(actual[1:], expected[1:]):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            error = (ours[name] - value).abs().max()
            assert error <= 1e-10 * max(1., value.abs().max()), name


@pytest.mark.parametrize('stride', [2, 4])
@pytest.mark.parametrize('checkpoint', CHECKPOINT_LEVELS)
def test_training_step(checkpoint, stride):
    plain = plain_network()
    ours = fast_network(checkpoint=checkpoint)
    ours.load_state_dict(plain.state_dict(), strict=True)
    clip = clips(stride)
    expected = train_step(plain, clip, stride)
    actual = train_step(ours, segments_of(clip, stride), stage='head')
    assert expected[2]['snn_backbone.stem.norm.num_batches_tracked'] == (
        stride - 1)
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
