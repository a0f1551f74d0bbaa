"""Which modules are spiking neurons."""
from typing import Iterable, Sequence, Tuple

from mmaction.registry import MODELS
from spikingjelly.activation_based.neuron.base_node import BaseNode
from torch import nn

from ...models.common.lif import LIFNeuron
from ...models.common.stepping import SteppedNeuron
from .work import LayerRecord

NEURONS = (LIFNeuron, SteppedNeuron, BaseNode)


def neuron_types(names: Sequence[str]) -> Tuple[type, ...]:
    """The neurons that the meter knows by itself, and further ones.

    Args:
        names: In the registry ``MODELS``, or import paths such as
            ``'package.module.Neuron'``.

    Raises:
        ValueError: If there is no module of such a name.
    """
    return NEURONS + tuple(_module_type(name) for name in names)


def _module_type(name: str) -> type:
    found = MODELS.get(name)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ValueError(
            f'neurons: there is no module {name!r}; give a list of names that '
            'are registered in MODELS (custom_imports imports what registers '
            'them) or import paths such as package.module.Neuron')
    return found


def missing_neurons(records: Iterable[LayerRecord]) -> str:
    """What points to spiking neurons where none was recorded.

    Operands of products without weights are no sign: masks are zeros and ones
    as well.

    Args:
        records: Of one model.

    Returns:
        A warning; empty where a neuron was recorded or nothing points to any.
    """
    records = list(records)
    if any(record.op == 'neuron' for record in records):
        return ''
    driven = [
        record.name for record in records
        if record.kind == 'spike' and record.op in ('conv', 'linear')
    ]
    if driven:
        names = ', '.join(driven[:3]) + (', ...' if len(driven) > 3 else '')
        sign = f'only zeros and ones came into layers: {names}'
    elif any(record.branch == 'SNN' for record in records):
        sign = 'the model has an snn_backbone'
    else:
        return ''
    return (f'no spiking neuron was recognised, but {sign}. There are no '
            'firing rates, neurons are charged operation by operation, and '
            'the rule paper charges all layers as those of a network without '
            'neurons. If the model has neurons, name their types: neurons of '
            'EnergyHook and measure_energy, --neurons of energy.py')
