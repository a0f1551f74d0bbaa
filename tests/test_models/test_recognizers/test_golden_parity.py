"""Numbers of the authors' implementation on deterministic weights."""
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from shared_material import GOLDEN, load_case, needs_golden

from respike_mm.datasets.transforms.functional import split_key_residual
from respike_mm.models.common.authors_checkpoint import (
    convert_authors_state_dict, convert_name)
from respike_mm.models.common.checkpointing import CHECKPOINT_LEVELS

pytestmark = needs_golden
CASES = sorted(path.stem for path in GOLDEN.glob('*.npz'))
EVAL_CASES = [case for case in CASES if not case.startswith('train_')]
TRAIN_CASES = [case for case in CASES if case.startswith('train_')]
# In float64, of a tensor's largest value, or of its norm where the files hold
# no more. Rounding takes 1e-13.
TOLERANCE = 1e-10


def build(meta, state, checkpoint='none'):
    """The authors' network of one case with its weights, loaded strictly."""
    neck = dict(type='CrossAttentionNeck')
    if not meta['downsample']:
        neck.update(reductions=(1, 1, 1, 1), stages=(1, 2, 3))
    model = MODELS.build(
        dict(
            type='HybridReSpike',
            backbone=dict(
                type='ResNet', depth=int(meta['backbone'][len('resnet'):])),
            snn_backbone=dict(type='MSResNet'),
            neck=neck,
            cls_head=dict(
                type='ReSpikeHead', num_classes=meta['num_classes']),
            checkpoint=checkpoint))
    weights = convert_authors_state_dict(
        state, stage1_fusion=bool(meta['downsample']))
    model.load_state_dict(weights, strict=True)
    return model


def forward(model, clip, stride):
    """Features and logits of a normalised clip ``[N, T, 3, H, W]``."""
    key, residual = split_key_residual(clip.flatten(0, 1), stride)
    feats = model.forward_branches(key, residual.transpose(0, 1))
    return feats, model.cls_head(feats, clip.shape[1] // stride)


def assert_relative(actual, expected, tolerance):
    expected = torch.as_tensor(expected, dtype=torch.float64)
    error = (actual.double() - expected).abs().max()
    assert error <= tolerance * expected.abs().max()


@torch.no_grad()
@pytest.mark.parametrize('dtype, tolerance', [(torch.float64, TOLERANCE),
                                              (torch.float32, 1e-4)])
@pytest.mark.parametrize('case', EVAL_CASES)
def test_evaluation(case, dtype, tolerance):
    meta, state, clip, expected = load_case(case)
    model = build(meta, state).to(dtype).eval()
    (key_map, spiking_map), logits = forward(model, clip.to(dtype),
                                             meta['stride'])
    segments = model.cls_head.segment_scores((key_map, spiking_map))
    over_time = spiking_map.movedim(0, 2).flatten(2)  # [B, C, S * H * W]
    for name, value in dict(
            logits=logits,
            segment_logits=segments.view(*expected['segment_logits'].shape),
            snn_mean=over_time.mean(2),
            snn_std=over_time.std(2),
            ann_mean=key_map.mean((2, 3))).items():
        assert_relative(value, expected[name], tolerance)


@pytest.mark.parametrize('checkpoint', CHECKPOINT_LEVELS)
@pytest.mark.parametrize('case', TRAIN_CASES)
def test_training_step(case, checkpoint):
    meta, state, clip, expected = load_case(case)
    model = build(meta, state, checkpoint).double().train()
    _, logits = forward(model, clip.double(), meta['stride'])
    loss = F.cross_entropy(logits, torch.tensor(meta['labels']))
    loss.backward()
    assert_relative(logits.detach(), expected['logits'], TOLERANCE)
    assert_relative(loss.detach(), expected['loss'], TOLERANCE)

    params = dict(model.named_parameters())
    names = [convert_name(str(name)) for name in expected['param_names']]
    assert set(names) == set(params)
    for name, norm, total in zip(names, expected['grad_norm'],
                                 expected['grad_sum']):
        grad = params[name].grad
        # The sum may cancel, so its error is taken relative to the norm.
        assert abs(grad.norm().item() - norm) <= TOLERANCE * norm, name
        assert abs(grad.sum().item() - total) <= TOLERANCE * norm, name

    buffers = dict(model.named_buffers())
    for name, norm in zip(expected['buffer_names'], expected['buffer_norm']):
        value = buffers[convert_name(str(name))].double().norm().item()
        assert abs(value - norm) <= TOLERANCE * norm, name
