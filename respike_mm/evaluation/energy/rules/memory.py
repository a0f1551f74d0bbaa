"""Rule ``memory``: arithmetic, memory accesses and addressing.

Lemaire et al., "An Analytical Estimation of Spiking Neural Networks Energy
Efficiency", ICONIP 2022 (arXiv 2210.13107): ``E = E_mem + E_ops + E_addr``
for convolutions, linear layers and neurons, 32-bit integer arithmetic, every
operand read where it is used. Each access costs what a memory of the layer's
size costs. Notation: ``in``, ``out`` elements, ``uses`` weight uses (dense
multiply-accumulates, or actual accumulates of spikes), ``spikes``.

============ =================== ==================== =====================
accesses     float-driven        spike-driven         neuron
============ =================== ==================== =====================
read input   uses (conv), in     spikes, from a FIFO
read weight  uses + biases       uses + biases
potentials                       uses read + written  updates read + written
write output out                                      spikes, to a FIFO
============ =================== ==================== =====================

Deviations: attention products, which the model does not have, are taken for
float-driven linear layers; a spike is charged its actual fan-out, where the
model takes the kernel's size even at the border and under a stride.
"""
from typing import List, Sequence

from spikingjelly.activation_based.op_counter import LemaireEnergyConfig

from ..constants import EnergyConstants
from ..work import LayerRecord, is_weighted_sum
from .charge import Charge

_FIFO_WORDS = LemaireEnergyConfig().snn_fifo_capacity_elements
_NO_MODEL = ('Lemaire et al. model convolutions, linear layers and neurons '
             'alone')


def memory(records: Sequence[LayerRecord],
           constants: EnergyConstants) -> List[Charge]:
    """Charge weighted sums and neurons with their memory traffic."""
    return [_charge(record, constants) for record in records]


def _charge(record: LayerRecord, constants: EnergyConstants) -> Charge:
    if record.op == 'neuron':
        return _neuron(record, constants)
    if not is_weighted_sum(record):
        return Charge(excluded=_NO_MODEL)
    driven = record.kind in ('spike', 'silent')
    return (_spike_driven if driven else _float_driven)(record, constants)


def _operations(macs: float, adds: float, constants: EnergyConstants) -> float:
    cost = constants.lemaire
    return macs * (cost.e_mul_pj + cost.e_add_pj) + adds * cost.e_add_pj


def _neuron(record: LayerRecord, constants: EnergyConstants) -> Charge:
    work = record.total
    energy = _operations(work.macs, work.spikes, constants)
    energy += 2 * work.outputs * constants.access(work.output_words)
    energy += work.spikes * constants.access(_FIFO_WORDS)
    return Charge(macs=work.macs, picojoules=energy)


def _float_driven(record: LayerRecord, constants: EnergyConstants) -> Charge:
    work = record.total
    conv = record.op == 'conv'
    addressing = work.inputs + work.outputs
    if conv:
        presentations = work.outputs // work.output_words
        # Output channels times kernel, once a presentation.
        addressing += presentations * work.kernel_words
    energy = _operations(work.macs, work.adds + addressing, constants)
    energy += (work.macs if conv else work.inputs) * constants.access(
        work.input_words)
    energy += (work.macs + work.adds) * constants.access(work.weight_words)
    energy += work.outputs * constants.access(work.output_words)
    return Charge(macs=work.macs, picojoules=energy)


def _spike_driven(record: LayerRecord, constants: EnergyConstants) -> Charge:
    work = record.total
    uses = work.accumulates
    addressing_macs = 2 * work.spikes if record.op == 'conv' else 0
    energy = _operations(addressing_macs, 2 * uses + work.adds, constants)
    energy += work.spikes * constants.access(_FIFO_WORDS)
    energy += (uses + work.adds) * constants.access(work.weight_words)
    energy += 2 * uses * constants.access(work.output_words)
    return Charge(syops=uses, picojoules=energy)
