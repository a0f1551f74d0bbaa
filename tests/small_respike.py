"""A ReSpike of a few thousand weights that fires, and clips for it."""
import torch
from action_samples import labelled
from mmaction.registry import MODELS
from torch import nn

NECK = dict(
    type='CrossAttentionNeck',
    reductions=(2, 1, 1, 1),
    head_channels=8,
    num_groups=4)
MODEL = dict(
    type='HybridReSpike',
    backbone=dict(
        type='mmpretrain.ResNet',
        depth=18,
        base_channels=8,
        stem_channels=8,
        zero_init_residual=False),
    snn_backbone=dict(type='MSResNet', base_channels=8),
    neck=NECK,
    cls_head=dict(
        type='ReSpikeHead', num_classes=5, average_clips='score'),
    data_preprocessor=dict(
        type='KeyResidualDataPreprocessor',
        mean=[127.] * 3,
        std=[60.] * 3))


def build(**options) -> nn.Module:
    """As training begins, but with a fusion that is not the identity."""
    torch.manual_seed(0)
    model = MODELS.build({**MODEL, **options})
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    if model.with_neck:  # the fusion starts as the identity
        for block in model.neck.blocks.values():
            nn.init.normal_(block.proj_out.weight, std=0.1)
    return model


def small_respike(**options) -> nn.Module:
    """In evaluation mode, with statistics that let the neurons fire."""
    model = build(**options)
    with torch.no_grad():
        for _ in range(2):
            model(model.data_preprocessor(clips(4))['inputs'], mode='tensor')
    return model.eval()


def clips(num=1, views=1, height=32, width=32) -> dict:
    """Raw segments ``[V, K=2, s=4, 3, H, W]``, labels 0, 1, ..."""
    generator = torch.Generator().manual_seed(0)
    inputs = []
    for _ in range(num):
        frames = torch.randint(
            0, 256, (views, 2, 4, 3, height, width), generator=generator)
        frames[:, :, 1:] -= frames[:, :, :1]
        inputs.append(frames.short())
    samples = [labelled(i % 5) for i in range(num)]
    return dict(inputs=inputs, data_samples=samples)
