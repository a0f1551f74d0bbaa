"""What a rule makes of one layer record."""
from typing import Callable, List, NamedTuple, Sequence

from ..constants import EnergyConstants
from ..work import LayerRecord


class Charge(NamedTuple):
    """A layer's cost under one rule, over all measured samples.

    Args:
        macs: Multiply-accumulates charged.
        syops: Synaptic operations: accumulates that spikes drive.
        picojoules: Energy.
        excluded: Why the rule leaves the layer out; empty where it counts.
    """
    macs: float = 0
    syops: float = 0
    picojoules: float = 0
    excluded: str = ''


Rule = Callable[[Sequence[LayerRecord], EnergyConstants], List[Charge]]
