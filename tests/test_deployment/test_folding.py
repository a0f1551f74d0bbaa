import pytest
import torch
from tiny_respike import respike, settled
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from respike_mm.deployment import fold_batch_norm
from respike_mm.models.common.conv_norm import ConvNorm, projection


def test_by_hand():
    """Weight 3, mean 2, variance 4, scale 6, shift 1: 6 (3x - 2) / 2 + 1."""
    layer = ConvNorm(
        nn.Conv2d(1, 1, 1, bias=False), 1, dict(type='BN2d', eps=0.),
        'per_step').eval()
    nn.init.constant_(layer.conv.weight, 3.)
    for value, tensor in ((2., layer.norm.running_mean),
                          (4., layer.norm.running_var),
                          (6., layer.norm.weight), (1., layer.norm.bias)):
        nn.init.constant_(tensor, value)
    folded = fold_batch_norm(layer)
    assert folded.conv.weight.item() == 9
    assert folded.conv.bias.item() == -5
    assert layer.conv.bias is None  # the original is left alone


def test_behind_pooling():
    torch.manual_seed(0)
    layer = ConvNorm(projection('avgpool', 3, 4, 2), 4, dict(type='BN2d'),
                     'per_step').eval()
    layer.norm.running_mean.normal_()
    layer.norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 1, 3, 5, 5)
    folded = fold_batch_norm(layer)
    assert isinstance(folded.norm, nn.Identity)
    torch.testing.assert_close(folded(x), layer(x))


@pytest.mark.parametrize('backbone', [
    dict(type='mmpretrain.ResNet', depth=18, base_channels=8,
         stem_channels=8),
    dict(type='ResNet', depth=18),
    dict(type='torchvision.resnet18'),
    dict(type='timm.resnet18', pretrained=False),
], ids=lambda cfg: cfg['type'])
@torch.no_grad()
def test_recognizer(backbone):
    """In float64, where folding moves no potential across the threshold."""
    if backbone['type'].startswith('timm'):
        pytest.importorskip('timm')
    model = settled(backbone=backbone).double()
    folded = fold_batch_norm(model)
    assert not any(isinstance(m, _BatchNorm) for m in folded.modules())
    x = torch.randn(2, 1, 2, 4, 3, 32, 32, dtype=torch.float64)
    logits = model(x, stage='head')
    assert logits.std() > 1e-2
    torch.testing.assert_close(
        folded(x, stage='head'), logits, rtol=0, atol=1e-9)


@torch.no_grad()
def test_recognizer_in_float32():
    model = settled()
    x = torch.randn(2, 1, 2, 4, 3, 32, 32)
    torch.testing.assert_close(
        fold_batch_norm(model)(x, stage='head'),
        model(x, stage='head'),
        rtol=0,
        atol=1e-5)


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match='evaluation mode'):
        fold_batch_norm(respike().train())
