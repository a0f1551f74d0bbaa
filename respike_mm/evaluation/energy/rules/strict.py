"""Rule ``strict``: every operation that ran, at the cost of its kind."""
from typing import List, Sequence

from ..constants import EnergyConstants
from ..work import LayerRecord
from .charge import Charge


def strict(records: Sequence[LayerRecord],
           constants: EnergyConstants) -> List[Charge]:
    """Charge every record in full.

    Weighted sums over floats are dense multiply-accumulates, over spikes the
    additions that the spikes actually cause. Everything else is charged by
    its additions, multiplications, comparisons and special functions.
    """
    return [_charge(record, constants) for record in records]


def _charge(record: LayerRecord, constants: EnergyConstants) -> Charge:
    work = record.total
    spiking = record.kind in ('spike', 'silent')
    macs = 0 if spiking else work.macs
    syops = work.accumulates if spiking else 0
    return Charge(
        macs=macs,
        syops=syops,
        picojoules=constants.pj_mac * macs + constants.pj_ac *
        (syops + work.adds) + constants.pj_mul * work.muls +
        constants.pj_compare * work.compares +
        constants.pj_special * work.specials)
