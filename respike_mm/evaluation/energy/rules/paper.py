"""Rule ``paper``: appendix A of ReSpike as its tables apply it.

``E = pj_mac * FLOPs + pj_ac * SyOPs`` (4.6 and 0.9 pJ), ``SyOPs = SpikeRate *
FLOPs`` (eq. 10). The tables count different things for different networks;
what is charged here is what reproduces the row of the same kind:

==================  =======================================================
network             charged
==================  =======================================================
without neurons     everything that the counter behind the rows counts:
                    convolutions, linear layers and matrix products, 5 per
                    normalised element, the pooled map once
HybridReSpike, ANN  convolutions
HybridReSpike, SNN  spike-driven layers, as SyOPs
HybridReSpike, CA   convolutions, linear layers, attention products
HybridReSpike, head nothing
with neurons alone  spike-driven layers as SyOPs; float-driven ones in front
                    of the first neuron (the stem) as FLOPs
==================  =======================================================
"""
from typing import List, Sequence

from ..constants import EnergyConstants
from ..work import LayerRecord, is_weighted_sum
from .charge import Charge

_NOT_COUNTED = 'appendix A counts weighted sums only'
_PREPROCESSING = "the paper's tables start at the network"
_FLOAT_IN_SNN = ('float-driven layer of a spiking branch: stem, shortcuts and '
                 "classifier are missing in the paper's ReSpike rows")
_AFTER_STEM = ('float-driven layer behind the first neuron: the MS-ResNet '
               "rows' FLOPs are the stem alone")
_HEAD = "the classifier is missing in the paper's ReSpike rows"
_ANN = "the ANN part of the paper's ReSpike rows is convolutions alone"


def paper(records: Sequence[LayerRecord],
          constants: EnergyConstants) -> List[Charge]:
    """Charge what the paper's row for such a network counts.

    Args:
        records: In the order in which the layers first ran.
        constants: ``pj_mac`` and ``pj_ac`` are used.
    """
    hybrid = any(record.branch == 'SNN' for record in records)
    spiking = any(record.op == 'neuron' for record in records)
    charges, before_neuron = [], True
    for record in records:
        before_neuron = before_neuron and record.op != 'neuron'
        if record.branch == 'preprocessing':
            charge = Charge(excluded=_PREPROCESSING)
        elif not spiking:
            charge = _flops(record.total.baseline_flops, constants)
        elif not is_weighted_sum(record):
            charge = Charge(excluded=_NOT_COUNTED)
        elif record.kind in ('spike', 'silent'):
            syops = record.rate * record.total.macs
            charge = Charge(
                syops=syops, picojoules=constants.pj_ac * syops)
        else:
            reason = (_reason_in_hybrid(record) if hybrid else
                      '' if before_neuron else _AFTER_STEM)
            charge = (
                Charge(excluded=reason) if reason else _flops(
                    record.total.macs, constants))
        charges.append(charge)
    return charges


def _flops(count: int, constants: EnergyConstants) -> Charge:
    if not count:
        return Charge(excluded="not in the counter behind the paper's rows")
    return Charge(macs=count, picojoules=constants.pj_mac * count)


def _reason_in_hybrid(record: LayerRecord) -> str:
    """Why a float-driven weighted sum is left out; empty where it is not."""
    if record.branch == 'SNN':
        return _FLOAT_IN_SNN
    if record.branch == 'ANN':
        return '' if record.op == 'conv' else _ANN
    return '' if record.branch == 'cross-attention' else _HEAD
