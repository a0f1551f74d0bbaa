"""Turn any image backbone into one that yields its four stages."""
from typing import Tuple

import torch
from torch import nn

# Which argument makes each library's backbones return every stage.
_STAGE_OPTIONS = {
    'timm': dict(features_only=True, out_indices=(-4, -3, -2, -1)),
    'torchvision': dict(),
    'openmmlab': dict(out_indices=(0, 1, 2, 3)),
}


def with_stage_outputs(backbone: dict) -> dict:
    """Complete a backbone config so that it asks for all four stages.

    Args:
        backbone: Config; its ``type`` may be MMAction2's or start with
            ``mmpretrain.``, ``timm.`` or ``torchvision.``.

    Returns:
        A copy; options that the config sets itself stay as they are.
    """
    library = str(backbone['type']).split('.')[0]
    options = _STAGE_OPTIONS.get(library, _STAGE_OPTIONS['openmmlab'])
    return {**options, **backbone}


def torchvision_stages(model: nn.Module) -> nn.Module:
    """Cut a torchvision ResNet-like model open after ``layer1`` .. ``4``.

    Raises:
        ValueError: If the model has no such layers.
    """
    from torchvision.models.feature_extraction import create_feature_extractor
    nodes = [f'layer{i}' for i in range(1, 5)]
    if not all(hasattr(model, node) for node in nodes):
        raise ValueError(
            f'torchvision {type(model).__name__} has no layer1..layer4; use '
            'its timm. or mmpretrain. counterpart')
    return create_feature_extractor(model, nodes)


def as_stages(features) -> Tuple[torch.Tensor, ...]:
    """A backbone's output (tuple, list or dict of maps) as a tuple."""
    if isinstance(features, dict):
        return tuple(features.values())
    return tuple(features) if isinstance(features, (list, tuple)) else (
        features, )


def frame_channels(network: nn.Module) -> int:
    """Channels of the frames that a network's first convolution reads; 3 where
    there is none."""
    convolutions = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    first = next(convolutions, None)
    return 3 if first is None else first.in_channels


@torch.no_grad()
def infer_stage_channels(backbone: nn.Module) -> Tuple[int, ...]:
    """Widths of the four stages, found by one small forward pass.

    Raises:
        ValueError: If the backbone does not yield four maps
            ``[N, C, H, W]``.
    """
    training = backbone.training
    backbone.eval()
    probe = torch.zeros(1, frame_channels(backbone), 64, 96)
    shapes = [tuple(x.shape) for x in as_stages(backbone(probe))]
    backbone.train(training)
    # The probe is wider than high, so that a channels-last map shows.
    well_formed = all(len(s) == 4 and s[2] <= s[3] <= 96 for s in shapes)
    if len(shapes) != 4 or not well_formed:
        raise ValueError(
            'The backbone must yield four maps [N, C, H, W], one a stage; a '
            f'{tuple(probe.shape)} input gave {shapes}')
    return tuple(s[1] for s in shapes)
