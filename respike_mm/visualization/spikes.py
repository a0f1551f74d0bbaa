"""What the neurons of a network do: spikes, rates, dead and full layers.

Shapes: ``S`` time steps, ``N`` batch, ``C`` channels, ``H, W`` a map.
"""
import re
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import torch
from spikingjelly.activation_based.neuron import BaseNode
from torch import Tensor, nn

from ..models.common.lif import LIFNeuron

Recorded = Dict[str, List[Tensor]]


def spiking_layers(model: nn.Module) -> Dict[str, nn.Module]:
    """Neuron layers by name: ``LIFNeuron`` and spikingjelly's multi-step."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, LIFNeuron) or (
            isinstance(module, BaseNode) and module.step_mode == 'm')
    }


@contextmanager
def record_spikes(model: nn.Module,
                  reduce: Optional[Callable[[Tensor], Tensor]] = None
                  ) -> Iterator[Recorded]:
    """Collect what every neuron layer gives out.

    Args:
        model: Any network.
        reduce: Applied to every output at once, so that only its result is
            kept. By default outputs are kept as they are.

    Yields:
        A dict, filled by the forward passes inside: layer to the spikes
        ``[S, N, C, ...]`` of every call, detached.
    """
    recorded: Recorded = {}
    handles = []
    for name, layer in spiking_layers(model).items():

        def record(layer, args, output, name=name):
            spikes = output.detach()
            recorded.setdefault(name, []).append(
                spikes if reduce is None else reduce(spikes))

        handles.append(layer.register_forward_hook(record))
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def channel_rates(spikes: Tensor) -> Tensor:
    """Spikes per neuron and time step of every channel.

    Args:
        spikes: ``[S, N, C, ...]``.

    Returns:
        ``[C]`` in float32, 0 to 1.
    """
    others = [axis for axis in range(spikes.dim()) if axis != 2]
    return spikes.mean(others, dtype=torch.float32)


class Activity(NamedTuple):
    """What a neuron layer did.

    Args:
        rate: Spikes per neuron and time step.
        silent: Share of channels that never fired.
        full: Share of channels whose neurons all fired at every step.
    """
    rate: float
    silent: float
    full: float

    def condition(self, dead_below: float, saturated_above: float) -> str:
        """``'dead'``, ``'saturated'`` or ``'ok'``, by the rate."""
        if self.rate < dead_below:
            return 'dead'
        return 'saturated' if self.rate > saturated_above else 'ok'


def activity(rates: Tensor) -> Activity:
    """Sum up :func:`channel_rates` of one layer."""
    return Activity(rates.mean().item(), (rates == 0).float().mean().item(),
                    (rates == 1).float().mean().item())


def stage_layers(names: List[str]) -> List[str]:
    """The last neuron layer of every stage.

    Args:
        names: Neuron layers in order, such as
            ``snn_backbone.layer2.1.lif2``: a stage is called ``layerN``.

    Returns:
        One name a stage; where nothing is called so, all names.
    """
    last = {}
    for name in names:
        stage = re.search(r'(?:^|\.)(layer\d+)\.', name)
        if stage:
            last[stage[1]] = name
    return list(last.values()) or list(names)


def clip_order(spikes: Tensor, view: int, num_segments: int) -> Tensor:
    """Spikes of one clip in the order of its residual frames.

    Args:
        spikes: ``[S, N * V * K, ...]``.
        view: Which of the ``N * V`` clips.
        num_segments: Segments ``K`` of a clip.

    Returns:
        ``[K * S, ...]``.
    """
    clip = spikes[:, view * num_segments:(view + 1) * num_segments]
    return clip.transpose(0, 1).flatten(0, 1)


@torch.no_grad()
def clip_spikes(model: nn.Module,
                data: Dict[str, Any],
                num_segments: int,
                view: int = 0) -> Dict[str, Tensor]:
    """Run a batch and record the spikes of one clip.

    Args:
        model: Any network with neuron layers.
        data: A batch as the test pipeline and ``pseudo_collate`` give it.
        num_segments: Segments ``K`` of a clip.
        view: Which clip of the batch.

    Returns:
        Spikes ``[K * S, C, ...]`` by layer, in :func:`clip_order`.

    Raises:
        ValueError: If the model has no neuron layers.
    """
    with record_spikes(model) as recorded:
        model.test_step(data)
    if not recorded:
        raise ValueError(f'{type(model).__name__} has no spiking layers')
    return {name: clip_order(calls[0], view, num_segments)
            for name, calls in recorded.items()}
