"""A small HybridReSpike whose neurons fire and whose fusion does something."""
from pathlib import Path

import torch
from mmaction.registry import MODELS
from small_respike import MODEL, NECK
from torch import nn

from respike_mm.models import MSResNet

@MODELS.register_module()
class FourConvs(nn.Module):
    """The least that is an ANN of four stages."""

    def __init__(self, out_indices: tuple = (0, 1, 2, 3)) -> None:
        super().__init__()
        for i in range(4):
            self.add_module(
                f'stage{i}',
                nn.Sequential(
                    nn.Conv2d(3 if i == 0 else 8, 8, 3, 2, 1, bias=False),
                    nn.BatchNorm2d(8), nn.ReLU()))

    def forward(self, x):
        maps = []
        for stage in self.children():
            x = stage(x)
            maps.append(x)
        return tuple(maps)


@MODELS.register_module()
class ShortMSResNet(MSResNet):
    """One block a stage."""
    stage_blocks = {10: (1, 1, 1, 1)}


# Exporters take their time for every layer.
SMALLEST = dict(
    backbone=dict(type='FourConvs'),
    snn_backbone=dict(type='ShortMSResNet', depth=10, base_channels=8),
    neck=dict(NECK, stages=(0, 3)))


def respike(**options) -> nn.Module:
    """Build it, with other parts than ``MODEL``'s where given."""
    torch.manual_seed(0)
    model = MODELS.build({**MODEL, **options})
    for block in model.neck.blocks.values() if model.with_neck else ():
        nn.init.normal_(block.proj_out.weight, std=0.1)
    # The head starts near zero, which would hide differences.
    nn.init.normal_(model.cls_head.fc_cls.weight, std=0.5)
    return model


def settled(stock_statistics: bool = False, **options) -> nn.Module:
    """In evaluation mode, with norm statistics of a trained network's kind.

    Args:
        stock_statistics: Leave means at 0 and variances at 1 instead of
            drawing statistics and affine weights.
        **options: As in :func:`respike`.
    """
    model = respike(**options).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and not stock_statistics:
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.3, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    return model


def write_config(path: Path) -> Path:
    """A config of the smallest model: two segments of three frames."""
    model = {**MODEL, **SMALLEST}
    path.write_text(f'''
default_scope = 'mmaction'
model = {model!r}
test_pipeline = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=6, num_clips=2, test_mode=True),
    dict(type='VideoDecode'),
    dict(type='CenterCrop', crop_size=32),
    dict(type='KeyResidualSampler', stride=3),
    dict(type='PackActionInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
''')
    return path
