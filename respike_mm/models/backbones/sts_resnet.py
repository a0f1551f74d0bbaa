"""STS-ResNet: a spiking ResNet whose convolutions span time and space.

Samadzadeh et al., "Convolutional Spiking Neural Networks for Spatio-Temporal
Feature Extraction" (2023).

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map, ``k``
taps of a temporal kernel.
"""
from functools import partial

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from .snn_resnet import SNNBasicBlock, SNNResNet


def causal_temporal_conv(x: Tensor, weight: Tensor) -> Tensor:
    """``y[t] = sum_i weight[i] * x[t - i]``, channel by channel.

    Args:
        x: ``[S, N, C, H, W]``; zero before the first step.
        weight: ``[k, C]``, the current step's tap first.

    Returns:
        The shape of ``x``. A step reaches itself and the ``k - 1`` after it.
    """
    taps = weight[:, :, None, None]
    out = x * taps[0]
    for i in range(1, min(len(taps), len(x))):
        out[i:].addcmul_(x[:-i], taps[i])
    return out


class CausalTemporalConv(nn.Module):
    """Temporal kernel of every channel; starts as the identity.

    Args:
        channels: Channels ``C``.
        kernel_size: Taps ``k``; 1 leaves each step to itself.

    Raises:
        ValueError: If ``kernel_size < 1``.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1:
            raise ValueError('STSResNet: temporal_kernel must be at least 1, '
                             f'got {kernel_size}')
        weight = torch.zeros(kernel_size, channels)
        weight[0] = 1.
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return causal_temporal_conv(x, self.weight)


class STSBasicBlock(SNNBasicBlock):
    """:class:`SNNBasicBlock` with a temporal kernel after each convolution.

    Args:
        in_channels: Width of the input.
        channels: Width of the output.
        *args: The rest of :class:`SNNBasicBlock`'s arguments.
        temporal_kernel: Taps ``k`` of the temporal kernels.
    """

    def __init__(self, in_channels: int, channels: int, *args,
                 temporal_kernel: int) -> None:
        super().__init__(in_channels, channels, *args)
        self.temporal1 = CausalTemporalConv(channels, temporal_kernel)
        self.temporal2 = CausalTemporalConv(channels, temporal_kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``[S, N, C, H, W]`` to spikes."""
        out = self.lif1(self.temporal1(self.conv1(x)))
        out = self.temporal2(self.conv2(out))
        return self.lif2(out + self.shortcut(x))


@MODELS.register_module()
class STSResNet(SNNResNet):
    """Spiking ResNet of spatio-temporal convolutions.

    A ``k x 3 x 3`` convolution is factorised: 3x3 over channels and space,
    normalisation, then ``k`` taps over time in every channel. The spatial
    part thus still takes spikes, and the network keeps ResNet-18's size, as
    the published one does (11.7 M parameters according to Wang et al. 2023).

    The publication and its released code (an event-data model) leave open
    how a network for videos is built. Here, and why:

    - The temporal kernel is causal, because a spiking network runs through
      time in one direction. In the released code convolutions see single
      frames and time is left to the membrane: ``temporal_kernel=1``.
    - Widths double and maps halve from stage to stage, as in every ResNet-18
      compared here. The released model keeps 64 channels and one map size
      throughout and classifies the spikes of all stages together.
    - Normalised per time step like the other networks here. The released
      model is not, and its authors warn that training then hinges on the
      initialisation.
    - No dropout inside blocks (released model: 0.2).

    Args:
        temporal_kernel: Taps ``k`` of the temporal kernels. Defaults to 3.
        neuron: Config of the neuron. Defaults to the released constants,
            ``V <- 0.8 V + X`` with threshold 0.5.
        **kwargs: Arguments of :class:`SNNResNet`.

    Raises:
        ValueError: If ``temporal_kernel < 1``.
    """

    def __init__(self,
                 temporal_kernel: int = 3,
                 neuron: dict = dict(
                     type='LIFNeuron',
                     tau=5.,
                     decay_input=False,
                     v_threshold=0.5),
                 **kwargs) -> None:
        # Ahead of the base class, which builds the blocks.
        self.block = partial(STSBasicBlock, temporal_kernel=temporal_kernel)
        super().__init__(neuron=neuron, **kwargs)
        self.stem_temporal = CausalTemporalConv(self.stage_channels[0],
                                                temporal_kernel)

    def forward_stem(self, x: Tensor) -> Tensor:
        """Frames ``[S, N, 3, H, W]`` to the spikes the first stage takes."""
        return self.stem_neuron(self.stem_temporal(self.stem(x)))
