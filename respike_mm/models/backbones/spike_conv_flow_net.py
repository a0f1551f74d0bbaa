"""SpikeConvFlowNet: spiking convolutions over RGB frames and motion.

Wang, Yang and Kasabov, "Integrating Spatial and Temporal Information for
Violent Activity Detection from Video Using Deep Spiking Neural Networks"
(Sensors 23, 2023).

::

    frames ------ block -- block -- block --+
       |                                    concatenate -- merging block
    differences - block -- block -- block --+

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map.
"""
from math import inf
from typing import Optional, Union

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from spikingjelly.activation_based.functional import seq_to_ann_forward
from torch import Tensor, nn

from ..common.multi_step import merge_steps, split_steps
from ..common.options import check_positive


def backward_differences(x: Tensor) -> Tensor:
    """``X[t] - X[t - 1]``; zero at the first step, which has no past.

    Args:
        x: Frames ``[S, ...]``. Of normalised frames the mean cancels.

    Returns:
        The shape of ``x``.
    """
    return torch.cat([torch.zeros_like(x[:1]), x[1:] - x[:-1]])


class SpikeConvBlock(nn.Module):
    """Convolution, 2x2 average pooling, integrate-and-fire neurons.

    Without bias and normalisation, so that stillness stays silent.

    Args:
        in_channels: Width of the input.
        channels: Width of the output.
        kernel_size: Width of the convolution's kernel, odd.
        neuron: Config of the neuron.
    """

    def __init__(self, in_channels: int, channels: int, kernel_size: int,
                 neuron: dict) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            channels,
            kernel_size,
            padding=kernel_size // 2,
            bias=False)
        self.pool = nn.AvgPool2d(2)
        self.neuron = MODELS.build(neuron)

    def forward(self, x: Tensor) -> Tensor:
        """``[S, N, C, H, W]`` to spikes ``[S, N, C', H // 2, W // 2]``."""
        return self.neuron(seq_to_ann_forward(x, [self.conv, self.pool]))


@MODELS.register_module()
class SpikeConvFlowNet(BaseModule):
    """Two spiking streams and a block that merges them.

    As published: three blocks of 3x3 convolutions a stream, streams
    concatenated, a merging block with a 5x5 convolution, average instead of
    maximum pooling, neurons without leak. What is left open, or differs:

    - Motion is the difference between neighbouring frames, taken here from
      the frames themselves; the publication feeds optical flow computed
      beforehand. Since the neurons do not leak, they sum the differences up
      to the change since they last fired.
    - Widths are not stated; 32 channels a stream come close to the published
      0.178 M parameters.
    - The publication flattens the merged map into two fully connected
      layers, which ties the network to one frame size. Here the map goes to
      the head, which pools it.
    - Its surrogate gradient is the constant ``1 / threshold``; here the
      arctangent, as in all networks.

    Args:
        num_steps: Time steps of a clip, one a frame.
        in_channels: Channels of a frame. Defaults to 3.
        base_channels: Width of a stream; the output has twice as many.
            Defaults to 32.
        neuron: Config of the neuron. Defaults to the published one,
            ``V <- V + X`` with threshold 0.75.
        init_cfg: Initialisation. Defaults to He initialisation by fan-in:
            nothing rescales what a layer gives to the threshold.

    Raises:
        ValueError: If a number is not above zero.
    """

    num_blocks = 3

    def __init__(
        self,
        num_steps: int,
        in_channels: int = 3,
        base_channels: int = 32,
        neuron: dict = dict(
            type='LIFNeuron', tau=inf, decay_input=False, v_threshold=0.75),
        init_cfg: Optional[Union[dict, list]] = dict(
            type='Kaiming', layer='Conv2d', mode='fan_in')
    ) -> None:
        super().__init__(init_cfg)
        check_positive('SpikeConvFlowNet', num_steps=num_steps,
                       in_channels=in_channels, base_channels=base_channels)
        self.num_steps = num_steps
        widths = [in_channels] + [base_channels] * self.num_blocks

        def stream() -> nn.Sequential:
            return nn.Sequential(*[
                SpikeConvBlock(*pair, 3, neuron)
                for pair in zip(widths, widths[1:])
            ])

        self.rgb_stream = stream()
        self.motion_stream = stream()
        self.merge = SpikeConvBlock(2 * base_channels, 2 * base_channels, 5,
                                    neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Run both streams.

        Args:
            x: Frames ``[N * S, C, H, W]`` as ``Recognizer2D`` gives them, the
                steps of one clip adjacent.

        Returns:
            Spikes ``[N * S, 2 * base_channels, H // 16, W // 16]``.

        Raises:
            ValueError: If the frames do not make whole clips.
        """
        x = split_steps(x, self.num_steps)
        rgb = self.rgb_stream(x)
        motion = self.motion_stream(backward_differences(x))
        return merge_steps(self.merge(torch.cat([rgb, motion], dim=2)))
