"""The Res3D config is torchvision's R3D-18."""
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torchvision.models.video import r3d_18

CONFIG = Path(__file__).resolve().parents[2].joinpath(
    'configs/_base_/models/res3d_r18.py')


def renamed(name):
    """torchvision's name of a weight to MMAction2's.

    ``stem.0`` and ``layer1.0.conv1.0`` are convolutions, ``.1`` in their
    place the normalisation.
    """
    if name.startswith('fc.'):
        return name.replace('fc.', 'cls_head.fc_cls.')
    *module, index, weight = name.replace('stem', 'conv1').split('.')
    return '.'.join(
        ['backbone', *module, ('conv', 'bn')[int(index)], weight])


@pytest.fixture(scope='module')
def models():
    """torchvision's network and the config's with the same weights."""
    torch.manual_seed(0)
    theirs = r3d_18(num_classes=400).eval()
    for module in theirs.modules():  # statistics that are not 0 and 1
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    cfg = Config.fromfile(CONFIG).model
    ours = MODELS.build({**cfg, '_scope_': 'mmaction'}).eval()
    weights = {renamed(k): v for k, v in theirs.state_dict().items()}
    ours.load_state_dict(weights, strict=True)
    return theirs, ours


def test_number_of_parameters(models):
    sizes = [sum(p.numel() for p in model.parameters()) for model in models]
    assert sizes == [33_371_472, 33_371_472]


@pytest.mark.parametrize('frames, size', [(16, 32), (8, 40)])
@torch.no_grad()
def test_same_maps_and_scores(models, frames, size):
    theirs, ours = models
    x = torch.randn(2, 3, frames, size, size)
    maps = theirs.layer4(
        theirs.layer3(theirs.layer2(theirs.layer1(theirs.stem(x)))))
    torch.testing.assert_close(ours.backbone(x), maps, rtol=0, atol=1e-5)
    scores = ours.cls_head(ours.backbone(x))
    torch.testing.assert_close(scores, theirs(x), rtol=0, atol=1e-5)
