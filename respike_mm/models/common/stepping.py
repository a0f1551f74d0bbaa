"""Run a spiking network one time step a call, membranes explicit.

The networks here take whole sequences, their neurons start every call from
rest. :func:`step_by_step` gives a twin of such a network, on the same
weights, whose neurons continue where the last step left them.

Shapes: ``S`` time steps, ``B`` batch, ``C, H, W`` a frame or map.
"""
from contextlib import contextmanager
from copy import deepcopy
from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from .lif import LIFNeuron
from .lif_functional import LIFParameters, lif_step
from .stage_features import frame_channels


class MembraneTape:
    """Carries membranes into and out of one step; empty in between.

    Neurons meet their membranes in the order in which they run, which is the
    same at every step.
    """

    def __init__(self) -> None:
        self._before: Optional[List[Tensor]] = None
        self._after: List[Tensor] = []

    @contextmanager
    def playing(self,
                membranes: Optional[Sequence[Tensor]]
                ) -> Iterator[List[Tensor]]:
        """Run one step inside.

        Args:
            membranes: What the step before left; None for rest.

        Yields:
            A list that fills with what this step leaves.
        """
        self._before = None if membranes is None else list(membranes)
        self._after = after = []
        try:
            yield after
        finally:
            self._before, self._after = None, []

    def advance(self, x: Tensor, params: LIFParameters) -> Tensor:
        """One step of the neuron whose turn it is."""
        v = None if self._before is None else self._before.pop(0)
        spikes, v = lif_step(x, v, params)
        self._after.append(v)
        return spikes


class SteppedNeuron(nn.Module):
    """Takes the place of a ``LIFNeuron`` in a network of single steps."""

    def __init__(self, params: LIFParameters, tape: MembraneTape) -> None:
        super().__init__()
        self.params = params
        self.tape = tape

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of one step, ``[1, B, ...]``."""
        return self.tape.advance(x[0], self.params)[None]


def step_by_step(network: nn.Module) -> Tuple[nn.Module, MembraneTape]:
    """A twin of a spiking backbone for single steps.

    Parameters and buffers are shared, not copied: load weights and move the
    backbone to its device first.

    Args:
        network: Backbone with ``forward_stem`` and ``forward_stage`` that
            spikes by ``LIFNeuron``.

    Returns:
        The twin, in evaluation mode, and the tape that its membranes are on.

    Raises:
        ValueError: If single steps do not add up to the network's sequence.
    """
    _check_steps(deepcopy(network).double().eval())
    return _twin(network)


def _twin(network: nn.Module) -> Tuple[nn.Module, MembraneTape]:
    shared = [*network.parameters(), *network.buffers()]
    twin = deepcopy(network, {id(tensor): tensor for tensor in shared}).eval()
    tape = MembraneTape()
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, LIFNeuron):
                setattr(parent, name, SteppedNeuron(child.params, tape))
    return twin, tape


def _all_stages(network: nn.Module, x: Tensor) -> Tensor:
    x = network.forward_stem(x)
    for stage in range(4):
        x = network.forward_stage(x, stage)
    return x


@torch.no_grad()
def _check_steps(network: nn.Module) -> None:
    """Compare three steps of noise: who else remembers would go unnoticed.

    In float64, where rounding does not flip spikes, and on perturbed weights:
    a kernel over time may just have started as the identity.

    Args:
        network: A copy of the backbone.
    """
    rng = np.random.default_rng(0)
    device = next(network.parameters()).device
    for param in network.parameters():
        noise = rng.normal(scale=0.1, size=param.shape)
        param.add_(torch.as_tensor(noise, device=device))
    noise = rng.normal(scale=2, size=(3, 1, frame_channels(network), 48, 48))
    noise = torch.as_tensor(noise, device=device)
    expected = _all_stages(network, noise)
    twin, tape = _twin(network)
    membranes = None
    for t in range(3):
        with tape.playing(membranes) as membranes:
            out = _all_stages(twin, noise[t:t + 1])
        if not torch.allclose(out[0], expected[t], rtol=1e-6, atol=1e-9):
            raise ValueError(
                f'{type(network).__name__} cannot run step by step: beside '
                'LIFNeuron something in it connects the time steps (another '
                'neuron, a convolution over time, statistics of all steps); '
                'use the recognizer on clips')
