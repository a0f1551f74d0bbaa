"""ReSpike: an ANN on key frames, a spiking network on residual frames.

::

    clip -- key frames ----- ANN stage 1 -- stage 2 -- stage 3 -- stage 4 --+
     |                            |            |          |          |      |
     |                           fuse         fuse       fuse       fuse  head
     |                            |            |          |          |      |
     +-- residual frames -- SNN stage 1 -- stage 2 -- stage 3 -- stage 4 ---+

Shapes: ``N`` videos, ``V`` clips and crops a video, ``K`` segments a clip,
``s`` frames a segment of which ``S = s - 1`` are residual frames,
``B = N * V * K`` segments in all, ``C, H, W`` a frame or map.
"""
import logging
from typing import Tuple

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.models.recognizers import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.utils import OptConfigType, OptSampleList
from mmengine.logging import print_log
from torch import Tensor, nn

from ..common.checkpointing import checkpoint_blocks, recomputes
from ..common.options import check_one_clip
from ..common.pointwise import convert_convolutions
from ..common.stage_features import (as_stages, infer_stage_channels,
                                     torchvision_stages, with_stage_outputs)
from ..heads.spiking_head import check_per_step


def _warn_of_shift(preprocessor: nn.Module) -> None:
    """Frames in place of residual frames may take the stock preprocessor,
    hence no error."""
    if type(preprocessor) is not ActionDataPreprocessor:
        return
    mean = getattr(preprocessor, 'mean', None)
    if mean is not None and not mean.is_meta and mean.any():
        print_log(
            'HybridReSpike: ActionDataPreprocessor subtracts its mean from '
            'residual frames too, so that stillness is not zero; set '
            "model.data_preprocessor.type to 'KeyResidualDataPreprocessor'",
            'current',
            level=logging.WARNING)


@MODELS.register_module()
class HybridReSpike(BaseRecognizer):
    """Hybrid recognizer of the ReSpike paper (section 4).

    Widths are inferred: ``in_channels`` and ``context_channels`` of the neck
    and ``in_channels`` of the head follow from the two backbones.

    Args:
        backbone: ANN for the key frames: a backbone of MMAction2, or of
            ``mmpretrain.``, ``timm.`` or ``torchvision.`` (names prefixed
            so), that has four stages. Of one with more choose four by its
            ``out_indices``; layers behind the deepest have no use.
        snn_backbone: Spiking backbone with ``stage_channels``,
            ``forward_stem`` and ``forward_stage``, such as ``MSResNet``.
        cls_head: Head that takes both branches, such as ``ReSpikeHead``.
        neck: Fusion called after every spiking stage, such as
            ``CrossAttentionNeck``; streams also call its ``remember``.
            Without it the branches meet only in the head (ablation E8).
        checkpoint: How much the backward pass recomputes instead of keeping:
            ``'none'``, ``'attention'``, ``'neurons'`` or ``'all'``, see
            :mod:`~respike_mm.models.common.checkpointing`. Passed on to
            ``snn_backbone`` and ``neck``. Defaults to ``'none'``.
        train_cfg, test_cfg: As in MMAction2.
        data_preprocessor: Usually ``KeyResidualDataPreprocessor``. The stock
            one would shift residual frames by its mean, a warning says so.

    Raises:
        ValueError: If the ANN does not yield four stages, or by default not
            the last ones, there is no such checkpoint level, or the head
            does not give a loss of single steps what it needs.
    """

    stages = ('backbone', 'neck', 'head')  # of extract_feat

    def __init__(self,
                 backbone: dict,
                 snn_backbone: dict,
                 cls_head: dict,
                 neck: OptConfigType = None,
                 checkpoint: str = 'none',
                 train_cfg: OptConfigType = None,
                 test_cfg: OptConfigType = None,
                 data_preprocessor: OptConfigType = None) -> None:
        super().__init__(
            with_stage_outputs(backbone),
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor)
        if self.backbone_from == 'torchvision':
            self.backbone = torchvision_stages(self.backbone)
        convert_convolutions(self.backbone)
        key_channels = infer_stage_channels(
            self.backbone, whole='out_indices' not in backbone)
        options = {}
        if recomputes(checkpoint, 'attention'):
            options['checkpoint'] = checkpoint
        if recomputes(checkpoint, 'neurons'):
            checkpoint_blocks(
                self.backbone, keep_convolutions=checkpoint != 'all')
        self.snn_backbone = MODELS.build({**options, **snn_backbone})
        snn_channels = self.snn_backbone.stage_channels
        if neck is not None:
            self.neck = MODELS.build({
                'in_channels': snn_channels,
                'context_channels': key_channels,
                **options,
                **neck
            })
        self.cls_head = MODELS.build({
            'in_channels': key_channels[-1] + snn_channels[-1],
            **cls_head
        })
        check_per_step(self.cls_head)
        _warn_of_shift(self.data_preprocessor)

    def extract_feat(self,
                     inputs: Tensor,
                     stage: str = 'neck',
                     data_samples: OptSampleList = None,
                     test_mode: bool = False) -> Tuple:
        """Features of both branches, or logits.

        Args:
            inputs: Segments ``[N, V, K, s, C, H, W]``: a key frame, then its
                residual frames, normalised.
            stage: ``'backbone'`` or ``'neck'`` for features (the fusion is
                part of the spiking branch), ``'head'`` for logits.
            data_samples, test_mode: MMAction2 passes samples in training,
                where ``V`` must be 1.

        Returns:
            The pair of features that ``ReSpikeHead`` takes, or logits
            ``[N * V, num_classes]``; and the head's keyword arguments.

        Raises:
            ValueError: If the input has another shape, there is no such
                stage, or in training several clips a video.
        """
        if stage not in self.stages:
            raise ValueError(f'HybridReSpike: stage must be one of '
                             f'{self.stages}, got {stage!r}')
        key, residual = self.split_segments(inputs)
        if data_samples and not test_mode:
            check_one_clip('HybridReSpike', inputs.shape[1])
        feats = self.forward_branches(key, residual)
        head_kwargs = dict(num_segs=inputs.shape[2])
        if stage == 'head':
            return self.cls_head(feats, **head_kwargs), head_kwargs
        return feats, head_kwargs

    @staticmethod
    def split_segments(inputs: Tensor) -> Tuple[Tensor, Tensor]:
        """``[N, V, K, s, C, H, W]`` to ``[B, C, H, W], [S, B, C, H, W]``."""
        if inputs.dim() != 7 or inputs.shape[3] < 2:
            raise ValueError(
                'HybridReSpike expects segments [N, V, K, s, C, H, W] with '
                f's >= 2, got {tuple(inputs.shape)}; end the pipeline with '
                'KeyResidualSampler and use KeyResidualDataPreprocessor')
        segments = inputs.flatten(0, 2)  # [B, s, C, H, W]
        key = segments[:, 0].contiguous(memory_format=torch.channels_last)
        return key, segments[:, 1:].transpose(0, 1)

    def forward_branches(self, key: Tensor,
                         residual: Tensor) -> Tuple[Tensor, Tensor]:
        """Run both branches, fusing after every stage.

        Args:
            key: Key frames ``[B, C, H, W]``.
            residual: Residual frames ``[S, B, C, H, W]``.

        Returns:
            Last maps of the ANN ``[B, C', H', W']`` and of the spiking
            branch ``[S, B, C'', H'', W'']``.
        """
        context = as_stages(self.backbone(key))
        x = self.snn_backbone.forward_stem(residual)
        for stage, key_map in enumerate(context):
            x = self.snn_backbone.forward_stage(x, stage)
            if self.with_neck:
                x = self.neck(x, key_map, stage)
        return context[-1], x
