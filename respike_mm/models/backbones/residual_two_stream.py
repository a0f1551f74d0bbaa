"""Residual two-stream network: motion enters the appearance network.

Feichtenhofer, Pinz and Wildes, "Spatiotemporal Residual Networks for Video
Action Recognition", NeurIPS 2016::

    frames --- stem --- conv2_x ---- conv3_x ---- conv4_x ---- conv5_x --+
                           |            |            |            |     cat
    motion --- stem --- conv2_x ---- conv3_x ---- conv4_x ---- conv5_x --+

Shapes: ``N`` clips, ``T`` frames a clip, ``C, H, W`` a frame or map.
"""
from typing import Optional, Tuple, Union

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..common.temporal_conv import TemporalConv, max_over_frames


def frame_differences(clips: Tensor) -> Tensor:
    """Change from every frame to the next one of its clip.

    Args:
        clips: ``[N, T, C, H, W]``, ``T >= 2``.

    Returns:
        ``[N, T, C, H, W]``; the last frame repeats the one before.
    """
    change = clips[:, 1:] - clips[:, :-1]
    return torch.cat([change, change[:, -1:]], dim=1)


def residual_branch(unit: nn.Module, x: Tensor) -> Tensor:
    """A residual unit of mmpretrain's ResNet without shortcut and last ReLU.

    Args:
        unit: ``BasicBlock`` or ``Bottleneck``.
        x: ``[N * T, C, H, W]``.

    Returns:
        ``F(x)`` of the unit's ``relu(F(x) + x)``.
    """
    last = 3 if hasattr(unit, 'conv3') else 2
    for i in range(1, last + 1):
        x = getattr(unit, f'norm{i}')(getattr(unit, f'conv{i}')(x))
        if i < last:
            x = unit.relu(x)
    return unit.drop_path(x)


def inject_motion(unit: nn.Module, appearance: Tensor,
                  motion: Tensor) -> Tensor:
    """Run an appearance unit whose residual branch also sees the motion.

    ``relu(F(a + m) + a)``: the shortcut stays pure appearance (section 3.1
    of the paper). Deviates: the paper adds the motion map to ``a`` before
    its ReLU; the shortcut and this sum both use ``a`` after it, so that
    without motion the unit is the image network's own.

    Args:
        unit: A unit that keeps the shape of its input.
        appearance, motion: Maps ``[N * T, C, H, W]`` of the unit before, in
            either stream, after its ReLU.

    Returns:
        The unit's output, ``[N * T, C, H, W]``.
    """
    return unit.relu(residual_branch(unit, appearance + motion) + appearance)


def _average_colours(module: nn.Module, state_dict: dict, prefix: str,
                     *_) -> None:
    """Let an RGB checkpoint load into a stem that takes no RGB."""
    weight = state_dict.get(f'{prefix}weight')
    if weight is not None and weight.shape[1] != module.in_channels:
        state_dict[f'{prefix}weight'] = weight.mean(
            1, keepdim=True).repeat(1, module.in_channels, 1, 1)


@MODELS.register_module()
class ResidualTwoStreamResNet(BaseModule):
    """Appearance and motion ResNets with residual connections between them.

    A backbone of ``Recognizer2D`` with ``TSNHead`` on twice a stream's
    channels::

        model = dict(backbone=dict(type='ResidualTwoStreamResNet',
                                   stream=dict(type='mmpretrain.ResNet',
                                               depth=50),
                                   clip_len=16),
                     cls_head=dict(in_channels=4096), ...)

    As in the paper, in the second unit of each stage conv2_x to conv5_x the
    motion map enters the appearance stream (:func:`inject_motion`) and, in
    both streams, the first and last convolution span three frames, started
    as averages. In the bottlenecks that the paper uses these are 1x1
    convolutions; in the basic units of ResNet-18 and 34, which the paper
    leaves open, they are 3x3, so that the temporal reach stays the same.

    Deviates: one motion image a frame, not a stack of ten optical flows, so
    that both streams run over all frames of the clip. The last maps of the
    streams are joined; one linear layer on them is the sum of one classifier
    a stream, as the paper sums their scores, but trained by one loss on that
    sum and not by one for each. The maximum over five frames that the paper
    takes every other frame is taken at every frame, since MMAction2's heads
    expect one map a frame, and average these.

    Pretrained weights: the ``init_cfg`` of ``stream`` holds for both. What
    the motion stem cannot take, colour filters for optical flow, is
    averaged over the colours (cross-modality initialisation). The
    ``frozen_stages`` hold for appearance alone: motion images are not what
    the weights and statistics of an image network were made for.

    Args:
        stream: Config of one stream, an ``mmpretrain.ResNet`` without
            ``in_channels``.
        clip_len: Frames ``T`` of a clip as the pipeline packs them.
        motion: ``'difference'`` takes RGB frames and gives the motion stream
            the change to the next frame. ``'flow'`` takes frames with two
            more channels of optical flow, see ``AppendFlow``.
        temporal_pool: Frames of the last maximum, odd. Defaults to 5.
        init_cfg: Initialisation of the whole; usually left to ``stream``.

    Raises:
        ValueError: If an option has no such value.
    """

    # Channels of the input and, of these or derived, of the motion images.
    channels = {'difference': (3, 3), 'flow': (5, 2)}

    def __init__(self,
                 stream: dict,
                 clip_len: int,
                 motion: str = 'difference',
                 temporal_pool: int = 5,
                 init_cfg: Optional[Union[dict, list]] = None) -> None:
        super().__init__(init_cfg)
        if motion not in self.channels:
            raise ValueError('ResidualTwoStreamResNet: motion must be one of '
                             f'{tuple(self.channels)}, got {motion!r}')
        if clip_len < 2 or temporal_pool < 1 or temporal_pool % 2 == 0:
            raise ValueError(
                'ResidualTwoStreamResNet: clip_len must be at least 2 and '
                f'temporal_pool odd and positive, got {clip_len} and '
                f'{temporal_pool}')
        self.clip_len = clip_len
        self.motion = motion
        self.temporal_pool = temporal_pool
        self.appearance_stream = self._build_stream(stream, 3)
        self.motion_stream = self._build_stream({
            **stream, 'frozen_stages': -1
        }, self.channels[motion][1])
        self.motion_stream.conv1.register_load_state_dict_pre_hook(
            _average_colours)

    def _build_stream(self, stream: dict, in_channels: int) -> nn.Module:
        """An mmpretrain ResNet whose second units see several frames."""
        # Slow to import, and what registers the type.
        from mmpretrain.models import ResNet
        from mmpretrain.models.backbones.resnet import BasicBlock, Bottleneck
        net = MODELS.build(dict(in_channels=in_channels, **stream))
        if not isinstance(net, ResNet) or net.deep_stem:
            raise ValueError(
                'ResidualTwoStreamResNet: stream must be an mmpretrain.ResNet '
                f'with the usual stem, got {stream["type"]!r}')
        for name in net.res_layers:
            unit = getattr(net, name)[1]
            # Others do what residual_branch does not know of.
            if type(unit).forward not in (BasicBlock.forward,
                                          Bottleneck.forward):
                raise ValueError(
                    'ResidualTwoStreamResNet: stream must be made of the '
                    f'residual units of mmpretrain.ResNet, {stream["type"]!r} '
                    f'has {type(unit).__name__}')
            last = 'conv3' if hasattr(unit, 'conv3') else 'conv2'
            for conv in ('conv1', last):
                setattr(unit, conv,
                        TemporalConv(getattr(unit, conv), self.clip_len))
        net.train()  # freezes the new convolutions of frozen stages too
        return net

    def forward(self, x: Tensor) -> Tensor:
        """Run both streams.

        Args:
            x: Normalised frames ``[N * T, 3, H, W]``, or ``[N * T, 5, H, W]``
                with ``motion='flow'``, the frames of a clip adjacent.

        Returns:
            Joined maps ``[N * T, C, H', W']``, appearance first, ``C`` twice
            the width of a stream.

        Raises:
            ValueError: If the input has another shape.
        """
        maps = self.forward_stem(*self.split_input(x))
        for stage in range(len(self.appearance_stream.res_layers)):
            maps = self.forward_stage(*maps, stage)
        return max_over_frames(
            torch.cat(maps, dim=1), self.clip_len, self.temporal_pool)

    def split_input(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        """Frames ``[N * T, 3, H, W]`` and their motion images."""
        channels = self.channels[self.motion][0]
        if x.dim() != 4 or x.shape[1] != channels:
            raise ValueError(
                f'ResidualTwoStreamResNet: motion={self.motion!r} takes '
                f'frames [N * T, {channels}, H, W], got {tuple(x.shape)}; '
                "RGB frames need motion='difference', frames with optical "
                "flow (AppendFlow in the pipeline) motion='flow'")
        if x.shape[0] % self.clip_len:
            raise ValueError(
                f'ResidualTwoStreamResNet: {x.shape[0]} frames do not divide '
                f'into clips of clip_len={self.clip_len}; set '
                'model.backbone.clip_len to the frames of a clip that the '
                'pipeline packs')
        if self.motion == 'flow':
            return x[:, :3], x[:, 3:]
        clips = x.unflatten(0, (-1, self.clip_len))
        return x, frame_differences(clips).flatten(0, 1)

    def forward_stem(self, appearance: Tensor,
                     motion: Tensor) -> Tuple[Tensor, Tensor]:
        """Frames and motion images to the inputs of conv2_x."""
        return tuple(
            net.maxpool(net.relu(net.norm1(net.conv1(x))))
            for net, x in ((self.appearance_stream, appearance),
                           (self.motion_stream, motion)))

    def forward_stage(self, appearance: Tensor, motion: Tensor,
                      stage: int) -> Tuple[Tensor, Tensor]:
        """Run a stage of both streams, conv2_x being stage 0.

        Args:
            appearance, motion: Maps ``[N * T, C, H, W]``.
            stage: Which stage.

        Returns:
            The stage's maps of either stream.
        """
        name = self.appearance_stream.res_layers[stage]
        first, second, *rest = getattr(self.appearance_stream, name)
        first_motion, *rest_motion = getattr(self.motion_stream, name)
        motion = first_motion(motion)
        appearance = inject_motion(second, first(appearance), motion)
        for unit in rest:
            appearance = unit(appearance)
        for unit in rest_motion:
            motion = unit(motion)
        return appearance, motion
