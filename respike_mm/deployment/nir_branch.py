"""The spiking branch as a NIR graph, through spikingjelly's exchange.

NIR holds convolutions, pooling, LIF neurons and sums, one time step at a
time: a batch-norm-folded :class:`MSResNet`, without the fusion in between. It
has no attention, no layer or group norm, no GELU and no resizing, and no
segments: key frame, residual and reset are up to whoever runs the graph.

Shapes: ``S`` time steps, ``N`` batch, ``C, H, W`` a frame or map.
"""
from math import prod
from pathlib import Path
from typing import Tuple, Union

import torch
from spikingjelly.activation_based import layer, neuron
from torch import Tensor, nn

from ..models.backbones.ms_resnet import MSBasicBlock, MSResNet
from ..models.common.conv_norm import ConvNorm
from ..models.common.lif import LIFNeuron
from .folding import fold_batch_norm


def spikingjelly_neuron(lif: LIFNeuron) -> neuron.LIFNode:
    """spikingjelly's node of the same equation, one step a call.

    Its charge is ``V + (X - V) / tau``, or without ``decay_input``
    ``V - V / tau + X``; NIR's ``tau dV/dt = v_leak - V + r I`` with ``r`` 1
    or ``tau``, by Euler steps of ``dt``.
    """
    decay, gain, v_threshold = lif.params
    return neuron.LIFNode(
        tau=1 / (1 - decay),
        decay_input=gain != 1,
        v_threshold=v_threshold,
        v_reset=0.)


def _convolution(conv: nn.Conv2d) -> layer.Conv2d:
    out = layer.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size,
                       conv.stride, conv.padding)
    out.load_state_dict(conv.state_dict())
    return out


def _folded(module: ConvNorm) -> nn.Module:
    if not isinstance(module.norm, nn.Identity):
        raise ValueError('NIR has no normalisation layers, and '
                         f'{type(module.norm).__name__} cannot be folded')
    if not isinstance(module.conv, nn.Sequential):
        return _convolution(module.conv)
    pool, conv = module.conv
    return nn.Sequential(
        layer.AvgPool2d(pool.kernel_size, pool.stride), _convolution(conv))


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, LIFNeuron):
            setattr(module, name, spikingjelly_neuron(child))
        elif isinstance(child, ConvNorm):
            setattr(module, name, _folded(child))
        elif isinstance(child, nn.Identity):
            setattr(module, name, nn.Sequential())  # traces as nothing
        else:
            _replace(child)


def spikingjelly_branch(network: MSResNet, size: Tuple[int,
                                                       int]) -> nn.Module:
    """The network out of spikingjelly's layers, norms folded.

    Args:
        network: In evaluation mode.
        size: Height and width of the frames.

    Returns:
        Single-step network of ``[N, C, H, W]``; its neurons keep their state.

    Raises:
        ValueError: If NIR cannot hold the network, or the size leaves odd
            maps: NIR's pooling does not round up.
    """
    if getattr(network, 'block', None) is not MSBasicBlock:
        raise ValueError('NIR export knows MSResNet, not '
                         f'{type(network).__name__}')
    pools = [m for m in network.modules() if isinstance(m, nn.AvgPool2d)]
    step = 2 * prod(pool.stride for pool in pools)
    if any(length % step for length in size):
        raise ValueError(f'frames of {size[0]}x{size[1]} leave odd maps; NIR '
                         f'needs a size divisible by {step}')
    copy = fold_batch_norm(network)
    _replace(copy)
    # NIRTorch sums what flows into a node, but not into the output: the last
    # shortcut needs a node behind it, here pooling over single cells.
    return nn.Sequential(copy.stem, copy.layer1, copy.layer2, copy.layer3,
                         copy.layer4, copy.final_neuron,
                         layer.AvgPool2d(1, 1))


@torch.no_grad()
def export_nir(network: MSResNet, size: Tuple[int, int],
               path: Union[str, Path]) -> None:
    """Write the network's NIR graph; see :func:`spikingjelly_branch`.

    Needs the packages ``nir`` and ``nirtorch``, as does :func:`run_nir`.
    """
    from spikingjelly.activation_based.nir_exchange import export_to_nir
    weight = next(network.parameters())
    frame = weight.new_zeros(1, 3, *size)
    export_to_nir(spikingjelly_branch(network, size), frame, path)


@torch.no_grad()
def run_nir(path: Union[str, Path], x: Tensor) -> Tensor:
    """Run a NIR graph, read by spikingjelly, from rest.

    Args:
        path: The graph.
        x: ``[S, N, C, H, W]``.

    Returns:
        The last stage's map of every time step, ``[S, N, C', H', W']``.
    """
    from spikingjelly.activation_based.nir_exchange import import_from_nir
    network, state, outputs = import_from_nir(path), None, []
    for step in x:
        out, state = network(step, state)
        outputs.append(out)
    return torch.stack(outputs)
