"""MS-ResNet: a spiking ResNet whose shortcuts carry membrane potentials.

Hu et al., "Advancing Spiking Neural Networks towards Deep Residual
Learning" (MS-ResNet); ReSpike section 4.2 for the variant used there.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map.
"""
from numbers import Integral
from typing import Optional, Sequence, Union

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...type_names import type_name
from ..common.checkpointing import checkpoint_blocks, recomputes
from ..common.conv_norm import ConvNorm, conv3x3, projection
from ..common.lif import LIFNeuron
from ..common.multi_step import NORM_MODES, merge_steps, split_steps
from ..common.options import check_positive


class MSBasicBlock(nn.Module):
    """``LIF-conv3x3-BN-LIF-conv3x3-BN`` plus a shortcut without spikes.

    Args:
        in_channels: Width of the input.
        channels: Width of the output.
        stride: Stride of the first convolution.
        shortcut: ``'avgpool'`` (AvgPool - conv1x1 - BN) or ``'strided'``
            (strided conv1x1 - BN), used where the shape changes.
        neuron: Config of the neuron.
        norm_cfg: Config of the normalisation layers.
        norm_mode: Whose statistics they use, see :class:`MSResNet`.
    """

    neuron_first = True  # the first convolution's input is a neuron's output

    def __init__(self, in_channels: int, channels: int, stride: int,
                 shortcut: str, neuron: dict, norm_cfg: dict,
                 norm_mode: str) -> None:
        super().__init__()
        self.lif1 = MODELS.build(neuron)
        spikes = isinstance(self.lif1, LIFNeuron)  # of others who knows
        self.conv1 = ConvNorm(
            conv3x3(in_channels, channels, stride,
                    spikes and self.neuron_first), channels, norm_cfg,
            norm_mode)
        self.lif2 = MODELS.build(neuron)
        self.conv2 = ConvNorm(
            conv3x3(channels, channels, 1, spikes), channels, norm_cfg,
            norm_mode)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = ConvNorm(
                projection(shortcut, in_channels, channels, stride), channels,
                norm_cfg, norm_mode)

    def forward(self, x: Tensor) -> Tensor:
        """Membrane input ``[S, N, C, H, W]`` to membrane output."""
        out = self.conv1(self.lif1(x))
        out = self.conv2(self.lif2(out))
        return out + self.shortcut(x)


@MODELS.register_module()
class MSResNet(BaseModule):
    """Spiking MS-ResNet backbone.

    Whole, as a backbone of ``Recognizer2D``::

        model = dict(type='Recognizer2D',
                     backbone=dict(type='MSResNet', num_steps=8), ...)

    or stage by stage, as HybridReSpike does, through :meth:`forward_stem`
    and :meth:`forward_stage`. Neither keeps state between calls.

    The defaults are the authors' variant. MS-ResNet's own is
    ``stem='conv7x7', shortcut='strided', zero_init_residual=True,
    final_neuron=True`` with ``neuron=dict(type='LIFNeuron',
    decay_input=False, v_threshold=0.5, surrogate=dict(type='Rect'))``.

    Args:
        depth: 18 or 34. Defaults to 18.
        in_channels: Channels of a frame. Defaults to 3.
        base_channels: Width of the first stage, doubled in each later one.
            Defaults to 64.
        strides: Stride at the start of each stage. Defaults to (2, 2, 2, 2).
        stem: ``'conv3x3'`` or ``'conv7x7'``, both stride 2, without pooling.
        shortcut: ``'avgpool'`` or ``'strided'``, see :class:`MSBasicBlock`.
        neuron: Config of the neuron.
        norm_cfg: Config of the normalisation layers.
        norm_mode: Batch statistics of training: ``'per_step'`` (every time
            step on its own, the authors' way) or ``'merged'`` (over time and
            batch). Evaluation is the same. Defaults to ``'per_step'``.
        zero_init_residual: Start every block's last normalisation weight at
            zero, unless ``init_cfg`` loads a checkpoint. Defaults to False.
        final_neuron: Spike after the last stage. Defaults to False: the
            output is the float membrane path.
        checkpoint: What the backward pass recomputes, see
            :mod:`~respike_mm.models.common.checkpointing`: from ``'neurons'``
            on the blocks without their convolutions, at ``'all'`` with them.
            Defaults to ``'none'``.
        num_steps: Time steps of a 4-D input, whose first axis is then batch
            times time. Without it inputs are 5-D, time first. Only the total
            can be checked: with twice the frames of a clip, two videos of
            ``Recognizer2D`` would be one sequence. ``ClipRecognizer2D``
            knows the clips and refuses that.
        init_cfg: Initialisation. Defaults to He initialisation (fan out).

    Raises:
        ValueError: If an option has no such value.
    """

    stage_blocks = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
    stem_kernels = {'conv3x3': 3, 'conv7x7': 7}
    shortcuts = ('avgpool', 'strided')
    block = MSBasicBlock

    def __init__(
        self,
        depth: int = 18,
        in_channels: int = 3,
        base_channels: int = 64,
        strides: Sequence[int] = (2, 2, 2, 2),
        stem: str = 'conv3x3',
        shortcut: str = 'avgpool',
        neuron: dict = dict(type='LIFNeuron'),
        norm_cfg: dict = dict(type='BN2d'),
        norm_mode: str = 'per_step',
        zero_init_residual: bool = False,
        final_neuron: bool = False,
        checkpoint: str = 'none',
        num_steps: Optional[int] = None,
        init_cfg: Optional[Union[dict, list]] = dict(
            type='Kaiming', layer='Conv2d')
    ) -> None:
        super().__init__(init_cfg)
        self._check_options(
            dict(depth=depth, stem=stem, shortcut=shortcut,
                 norm_mode=norm_mode), strides)
        check_positive(type(self).__name__, in_channels=in_channels,
                       strides=strides, base_channels=base_channels,
                       num_steps=1 if num_steps is None else num_steps)
        self.num_steps = num_steps
        self.zero_init_residual = zero_init_residual
        self.stage_channels = tuple(base_channels * 2**i for i in range(4))

        kernel = self.stem_kernels[stem]
        self.stem = ConvNorm(
            nn.Conv2d(in_channels, base_channels, kernel, 2, kernel // 2,
                      bias=False), base_channels, norm_cfg, norm_mode)
        self._build_stages(depth, strides, shortcut, neuron, norm_cfg,
                           norm_mode)
        self.final_neuron = (
            MODELS.build(neuron) if final_neuron else nn.Identity())
        if recomputes(checkpoint, 'neurons'):
            checkpoint_blocks(self, keep_convolutions=checkpoint != 'all')

    def _check_options(self, choices: dict, strides: Sequence[int]) -> None:
        """Refuse values of ``choices`` that are none of the known ones."""
        cls = type(self).__name__
        known = dict(depth=self.stage_blocks, stem=self.stem_kernels,
                     shortcut=self.shortcuts, norm_mode=NORM_MODES)
        for name, value in choices.items():
            if value not in known[name]:
                raise ValueError(f'{cls}: {name} must be one of '
                                 f'{tuple(known[name])}, got {value!r}')
        if isinstance(strides, Integral) or len(strides) != 4:
            raise ValueError(f'{cls}: strides needs one stride for each of '
                             f'the 4 stages, got {strides}')

    def _build_stages(self, depth: int, strides: Sequence[int],
                      *block_args) -> None:
        """Add ``layer1`` to ``layer4``; see the block for ``block_args``."""
        width = self.stage_channels[0]
        for i, num_blocks in enumerate(self.stage_blocks[depth]):
            blocks = []
            for j in range(num_blocks):
                stride = strides[i] if j == 0 else 1
                blocks.append(
                    self.block(width, self.stage_channels[i], stride,
                               *block_args))
                width = self.stage_channels[i]
            self.add_module(f'layer{i + 1}', nn.Sequential(*blocks))

    def init_weights(self) -> None:
        super().init_weights()
        entries = self.init_cfg or []
        if isinstance(entries, dict):
            entries = [entries]
        loaded = any(
            type_name(entry['type']) in ('Pretrained', 'PretrainedInit')
            for entry in entries)
        if self.zero_init_residual and not loaded:
            for module in self.modules():
                if isinstance(module, MSBasicBlock):
                    nn.init.zeros_(module.conv2.norm.weight)

    def forward_stem(self, x: Tensor) -> Tensor:
        """Frames ``[S, N, 3, H, W]`` to the input of the first stage."""
        # Channels last from here on: what convolutions and attention want.
        frames = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.stem(frames.unflatten(0, x.shape[:2]))

    def forward_stage(self, x: Tensor, stage: int) -> Tensor:
        """Run one of the four stages, counted from 0.

        Args:
            x: Output of the stem or of the stage before, possibly fused.
            stage: Which stage.

        Returns:
            ``[S, N, stage_channels[stage], H', W']``.
        """
        x = getattr(self, f'layer{stage + 1}')(x)
        return self.final_neuron(x) if stage == 3 else x

    def forward(self, x: Tensor) -> Tensor:
        """Run the whole backbone.

        Args:
            x: ``[S, N, 3, H, W]``, or with ``num_steps`` ``[N * S, 3, H, W]``
                as ``Recognizer2D`` gives it (the steps of one clip adjacent).

        Returns:
            The last stage's map for every step, laid out as the input.

        Raises:
            ValueError: If the input has another shape.
        """
        flat = x.dim() == 4 and self.num_steps is not None
        if flat:
            x = split_steps(x, self.num_steps)
        if x.dim() != 5:
            raise ValueError(
                f'{type(self).__name__} expects [S, N, C, H, W], or with '
                f'num_steps set [N * S, C, H, W]; got {tuple(x.shape)} with '
                f'num_steps={self.num_steps}')
        x = self.forward_stem(x)
        for stage in range(4):
            x = self.forward_stage(x, stage)
        return merge_steps(x) if flat else x
