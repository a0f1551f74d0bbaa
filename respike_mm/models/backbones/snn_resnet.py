"""SNN-ResNet: a spiking ResNet whose shortcuts carry spikes.

Li et al., "Uncovering the Representation of Spiking Neural Networks Trained
with Surrogate Gradient" (2023); Deng et al., "Temporal Efficient Training of
Spiking Neural Network via Gradient Re-weighting" (TET, 2022), which trains
the same network with another loss.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` map.
"""
from mmaction.registry import MODELS
from torch import Tensor

from .ms_resnet import MSBasicBlock, MSResNet


class SNNBasicBlock(MSBasicBlock):
    """``conv3x3-BN-LIF-conv3x3-BN``, plus the shortcut's spikes, then LIF.

    The layers of :class:`MSBasicBlock` in another order: here the neuron
    comes last, so that spikes enter and spikes leave, and a shortcut is a
    spike train that the second neuron integrates beside the branch.
    """

    neuron_first = False  # behind a fusion block floats enter

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``[S, N, C, H, W]`` to spikes."""
        out = self.lif1(self.conv1(x))
        return self.lif2(self.conv2(out) + self.shortcut(x))


@MODELS.register_module()
class SNNResNet(MSResNet):
    """Plain spiking ResNet: the layout of :class:`MSResNet`, spikes between.

    The stem ends in a neuron too, and so does every block. The block is that
    of Deng et al.'s released ResNet. Li et al.'s released one leads the
    shortcut around the neuron, which is MS-ResNet's block over again; the
    plain one is taken so that the two systems differ in what their shortcuts
    carry. Both papers' networks are made for images of 32x32; stem and
    strides here are MSResNet's, for frames.

    Args:
        neuron: Config of the neuron. Defaults to both papers' constants,
            ``V <- 0.5 V + X`` with threshold 1: an identity shortcut then
            passes every spike on, which the input-scaling default of
            ``LIFNeuron`` would swallow. The surrogate is the arctangent as
            in all networks here; Deng et al.'s triangle is
            ``surrogate=dict(type='PiecewiseQuadratic', alpha=1.)``.
        shortcut: As in :class:`MSBasicBlock`. Defaults to ``'strided'``,
            which also where the shape changes takes spikes as they are;
            pooled ones would be fractions.
        **kwargs: Further arguments of :class:`MSResNet`; ``final_neuron`` is
            of no use, spikes leave the last stage anyway.
    """

    block = SNNBasicBlock

    def __init__(self,
                 neuron: dict = dict(
                     type='LIFNeuron', tau=2., decay_input=False),
                 shortcut: str = 'strided',
                 **kwargs) -> None:
        super().__init__(neuron=neuron, shortcut=shortcut, **kwargs)
        self.stem_neuron = MODELS.build(neuron)

    def forward_stem(self, x: Tensor) -> Tensor:
        """Frames ``[S, N, 3, H, W]`` to the spikes the first stage takes."""
        return self.stem_neuron(super().forward_stem(x))
