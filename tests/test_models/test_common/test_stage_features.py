import pytest
import torchvision
from mmaction.models import ResNet
from mmaction.registry import MODELS
from torch import nn

from respike_mm.models.common.stage_features import (infer_stage_channels,
                                                     with_stage_outputs)


class Stages(nn.Module):
    """Maps of four of its stages; ``rest`` lies behind them or beside."""

    def __init__(self, rest=None, smallest=1, layout=(0, 1, 2, 3)):
        super().__init__()
        widths = (3, 2, 4, 6, 8)
        self.stages = nn.ModuleList(
            nn.Conv2d(a, b, 2, 2) for a, b in zip(widths, widths[1:]))
        self.rest = rest
        self.smallest = smallest
        self.layout = layout
        self.sizes = []

    def forward(self, x):
        self.sizes.append(tuple(x.shape[2:]))
        assert x.shape[2] >= self.smallest, 'frame too small'
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x.permute(self.layout))
        if self.rest is not None:  # computed, as MobileNetV2 does, for nothing
            self.rest(x.mean((2, 3), keepdim=isinstance(self.rest, nn.Conv2d)))
        return maps


@pytest.mark.parametrize('kind, options', [
    ('ResNet', dict(out_indices=(0, 1, 2, 3))),
    ('mmpretrain.ResNet', dict(out_indices=(0, 1, 2, 3))),
    (ResNet, dict(out_indices=(0, 1, 2, 3))),
    ('timm.resnet18', dict(features_only=True, out_indices=(-4, -3, -2, -1))),
    ('torchvision.resnet18', {}),
    (torchvision.models.resnet18, {}),
    # These have no out_indices.
    (Stages, {}),
    ('mmpretrain.HRNet', {}),
])
def test_options_of_every_library(kind, options):
    assert with_stage_outputs(dict(type=kind)) == dict(type=kind, **options)
    own = dict(type=kind, out_indices=(4, 5, 6, 7))
    assert with_stage_outputs(own) == {**options, **own}


def test_one_small_frame():
    net = Stages()
    assert infer_stage_channels(net, whole=True) == (2, 4, 6, 8)
    assert net.sizes == [(64, 96)] and net.training


@pytest.mark.parametrize('whole', [False, True])
def test_a_large_frame_where_the_small_one_fails(whole):
    net = Stages(smallest=224)
    assert infer_stage_channels(net, whole) == (2, 4, 6, 8)
    assert net.sizes == [(64, 96), (224, 224)]


def test_no_frame_fits():
    with pytest.raises(ValueError, match='Stages: neither .*too small.*img_s'):
        infer_stage_channels(Stages(smallest=300))


@pytest.mark.parametrize('smallest', [1, 224])
def test_channels_last(smallest):
    net = Stages(smallest=smallest, layout=(0, 2, 3, 1))
    with pytest.raises(ValueError, match=r"N, C, H, W.*feature_cls='getter'"):
        infer_stage_channels(net)


def cut_short(kind):
    """A network that goes on behind its fourth map."""
    if kind == 'MobileNetV2':
        return MODELS.build(
            dict(type='MobileNetV2', out_indices=(0, 1, 2, 3)))
    if kind == 'linear':
        return Stages(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)))
    net = Stages(nn.Conv2d(8, 8, 1))
    return net.requires_grad_(kind != 'frozen')


@pytest.mark.parametrize('kind, message', [
    ('conv', "1 of its 5 .*'rest'"),
    ('frozen', "1 of its 5 .*'rest'"),
    ('linear', "2 of its 6 .*'rest.0'"),
    ('MobileNetV2', "22 of its 52 .*'layer5.0.conv.0.conv'"),
])
def test_layers_without_use(kind, message):
    net = cut_short(kind)
    trainable = [p.requires_grad for p in net.parameters()]
    with pytest.raises(ValueError, match=f'{message}.*set out_indices'):
        infer_stage_channels(net, whole=True)
    assert [p.requires_grad for p in net.parameters()] == trainable
    assert all(p.grad is None for p in net.parameters())
    assert len(infer_stage_channels(net)) == 4  # as the user chose them


@pytest.mark.parametrize('rest', [
    nn.Linear(8, 5),
    nn.LayerNorm(8),
    nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 5)),
], ids=['classifier', 'norm', 'both'])
def test_what_may_go_unused(rest):
    assert infer_stage_channels(Stages(rest), whole=True) == (2, 4, 6, 8)


def test_a_network_that_checkpoints_its_own_blocks():
    """In PyTorch's reentrant way, which hides most layers."""
    net = MODELS.build(
        dict(
            type='mmpretrain.ResNet', depth=18, stem_channels=8,
            base_channels=8, with_cp=True, out_indices=(0, 1, 2, 3)))
    assert infer_stage_channels(net, whole=True) == (8, 16, 32, 64)
