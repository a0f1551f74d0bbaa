"""Convolutions of spikes in int8, for inference on x86 CPUs.

Spikes are zeros and ones: as bytes they are exact, with scale 1 and zero
point 0, and need no calibration. Only the weights are rounded.

Shapes: ``N`` batch (times time), ``C, H, W`` map.
"""
import torch
from torch import Tensor, nn

from ..models.common.conv_norm import ConvNorm
from ..models.common.spike_conv import SpikeConv2d
from .folding import fold_batch_norm

onednn = torch.ops.onednn


class Int8SpikeConv2d(nn.Module):
    """A :class:`SpikeConv2d` with int8 weights, through oneDNN.

    Every output channel has its scale, its largest weight by magnitude over
    127; sums are exact in int32. Bias, scales and output are float32, the
    output under autocast bfloat16.

    Args:
        conv: The convolution, its normalisation folded in.
    """

    def __init__(self, conv: SpikeConv2d) -> None:
        super().__init__()
        weight = conv.weight.detach().float()
        largest = weight.abs().amax((1, 2, 3))
        # A channel of zeros may have any scale.
        scale = torch.where(largest > 0, largest / 127, 1.)
        rounded = torch.round(weight / scale[:, None, None, None])
        bias = None if conv.bias is None else conv.bias.detach().float()
        self.register_buffer('weight', rounded.to(torch.int8))
        self.register_buffer('scale', scale)
        self.register_buffer('zero_point', torch.zeros_like(scale).long())
        self.register_buffer('bias', bias)
        self.geometry = conv.stride, conv.padding, conv.dilation, conv.groups
        self._packed = None

    def _load_from_state_dict(self, *args) -> None:
        super()._load_from_state_dict(*args)
        self._packed = None

    def __getstate__(self) -> dict:
        # oneDNN's layout of the weights can be neither copied nor pickled.
        return {**self.__dict__, '_packed': None}

    def forward(self, spikes: Tensor) -> Tensor:
        """Spikes ``[N, C, H, W]`` to currents ``[N, C', H', W']``."""
        if self._packed is None:
            self._packed = onednn.qconv_prepack(self.weight, self.scale, 1., 0,
                                                *self.geometry)
        dtype = torch.float32
        if torch.is_autocast_enabled('cpu'):
            dtype = torch.get_autocast_dtype('cpu')
        return onednn.qconv2d_pointwise(
            spikes.to(torch.uint8), 1., 0, self._packed, self.scale,
            self.zero_point, self.bias, *self.geometry, 1., 0, dtype, 'none',
            [], '')


def quantise_spike_convs(model: nn.Module) -> nn.Module:
    """A copy with folded norms whose spike convolutions are int8.

    Which are those right behind a ``LIFNeuron``. All else stays float32; run
    the copy under ``torch.autocast('cpu', torch.bfloat16)`` (MMEngine:
    ``test_cfg.fp16=True``) to have it in bfloat16.

    Args:
        model: In evaluation mode, on the CPU, in float32.

    Raises:
        ValueError: If the model is in training mode, elsewhere or of another
            type, or has no such convolution.
        RuntimeError: If this PyTorch has no oneDNN.
    """
    if not torch.backends.mkldnn.is_available():
        raise RuntimeError('int8 spike convolutions need oneDNN, which this '
                           'build of PyTorch has not')
    for name, param in model.named_parameters():
        if param.device.type != 'cpu' or param.dtype != torch.float32:
            raise ValueError(
                'int8 spike convolutions run on CPU beside float32: '
                f'{name} is {param.dtype} on {param.device}')
    model = fold_batch_norm(model)
    found = [
        module for module in model.modules()
        if isinstance(module, ConvNorm) and isinstance(module.conv,
                                                       SpikeConv2d)
    ]
    if not found:
        raise ValueError(f'{type(model).__name__} has no convolution behind '
                         'a LIFNeuron')
    for module in found:
        module.conv = Int8SpikeConv2d(module.conv)
    return model
