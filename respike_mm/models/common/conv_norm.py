"""Convolutions of the spiking ResNets, over sequences ``[S, N, C, H, W]``.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map.
"""
from mmcv.cnn import build_norm_layer
from spikingjelly.activation_based.functional import seq_to_ann_forward
from torch import Tensor, nn

from .multi_step import NORM_MODES
from .pointwise import PointwiseConv2d
from .pooling import AveragePool2d
from .spike_conv import SpikeConv2d


class ConvNorm(nn.Module):
    """Convolution (after optional pooling) and normalisation of all steps.

    Args:
        conv: The convolution.
        channels: Width of its output.
        norm_cfg: Config of the normalisation layer.
        norm_mode: Whose statistics it uses, a key of ``NORM_MODES``.
    """

    def __init__(self, conv: nn.Module, channels: int, norm_cfg: dict,
                 norm_mode: str) -> None:
        super().__init__()
        self.conv = conv
        self.norm = build_norm_layer(norm_cfg, channels)[1]
        self.normalise = NORM_MODES[norm_mode]

    def forward(self, x: Tensor) -> Tensor:
        return self.normalise(seq_to_ann_forward(x, self.conv), self.norm)


def conv3x3(in_channels: int,
            channels: int,
            stride: int,
            spikes: bool = False) -> nn.Conv2d:
    """3x3 convolution that keeps the map's size up to the stride.

    Args:
        in_channels, channels: Widths of the input and of the output.
        stride: Stride.
        spikes: The input is sure to be spikes, see :class:`SpikeConv2d`.
    """
    if spikes:
        return SpikeConv2d(in_channels, channels, 3, stride, padding=1)
    return nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)


def projection(kind: str, in_channels: int, channels: int,
               stride: int) -> nn.Module:
    """Shortcut of a block that changes the shape, without its normalisation.

    Args:
        kind: ``'avgpool'`` (AvgPool - conv1x1) or ``'strided'`` (strided
            conv1x1).
        in_channels, channels: Widths of the input and of the output.
        stride: Stride of the block.
    """
    if kind == 'strided':
        return nn.Conv2d(in_channels, channels, 1, stride, bias=False)
    return nn.Sequential(
        AveragePool2d(stride),
        PointwiseConv2d(in_channels, channels, bias=False))
