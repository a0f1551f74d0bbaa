import pytest
import torch
from mmaction.registry import MODELS
from torchvision.models import resnet18

from respike_mm.models.common.image_filters import spiking_name


@pytest.fixture
def checkpoint(tmp_path):
    """torchvision's ResNet-18 without the last stage's 3x3 convolutions."""
    torch.manual_seed(0)
    weights = {
        name: value
        for name, value in resnet18(weights=None).state_dict().items()
        if not (name.startswith('layer4') and 'conv' in name)
    }
    path = tmp_path / 'resnet18.pt'
    torch.save(weights, path)
    return path, weights


def build(path, **kwargs):
    net = MODELS.build(
        dict(
            init_cfg=[
                dict(type='Kaiming', layer='Conv2d'),
                dict(type='ImageFilters', checkpoint=str(path))
            ],
            **kwargs))
    net.init_weights()
    return net.state_dict()


def test_names():
    assert spiking_name('conv1.weight') == 'stem.conv.weight'
    assert spiking_name('layer2.0.conv1.weight') == (
        'layer2.0.conv1.conv.weight')
    assert spiking_name('layer3.0.downsample.0.weight') == (
        'layer3.0.shortcut.conv.weight')


@pytest.mark.parametrize('kwargs, shortcut', [
    (dict(type='MSResNet', stem='conv7x7'), 'shortcut.conv.1.weight'),
    (dict(type='SNNResNet', stem='conv7x7'), 'shortcut.conv.weight'),
])
def test_convolutions_are_the_image_networks(checkpoint, kwargs, shortcut):
    path, theirs = checkpoint
    ours = build(path, **kwargs)
    for name, value in (
        ('stem.conv.weight', 'conv1.weight'),
        ('layer1.1.conv2.conv.weight', 'layer1.1.conv2.weight'),
        ('layer3.0.conv1.conv.weight', 'layer3.0.conv1.weight'),
        (f'layer4.0.{shortcut}', 'layer4.0.downsample.0.weight')):
        assert torch.equal(ours[name], theirs[value]), name
    # What the file lacks is initialised as the entry in front says.
    missing = ours['layer4.1.conv1.conv.weight']
    assert missing.std() == pytest.approx((2 / (512 * 9))**.5, rel=0.02)
    # Normalisation stays as it was.
    assert (ours['layer2.0.conv1.norm.weight'] == 1).all()
    assert (ours['layer2.0.conv1.norm.running_var'] == 1).all()


def test_other_stem_keeps_its_own_filters(checkpoint):
    ours = build(checkpoint[0], type='MSResNet')
    assert ours['stem.conv.weight'].shape[-1] == 3
    assert torch.equal(ours['layer1.0.conv1.conv.weight'],
                       checkpoint[1]['layer1.0.conv1.weight'])


def test_nothing_fits(checkpoint):
    with pytest.raises(ValueError, match='resnet18.pt fits MSResNet'):
        build(checkpoint[0], type='MSResNet', base_channels=16)
