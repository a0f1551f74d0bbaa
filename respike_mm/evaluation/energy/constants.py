"""Energy per operation."""
from dataclasses import dataclass, field, fields
from typing import Optional

from spikingjelly.activation_based.op_counter import LemaireEnergyCostConfig


@dataclass(frozen=True)
class EnergyConstants:
    """Energies in picojoules, 45 nm CMOS.

    The arithmetic is 32-bit floating point after Horowitz, "Computing's
    energy problem", ISSCC 2014, figure 1.1.9, the paper's reference [81].

    Args:
        pj_mac: Multiply-accumulate: 3.7 + 0.9.
        pj_ac: Addition.
        pj_mul: Multiplication.
        pj_compare: Comparison, selection or sign change. Not in the source;
            priced as an addition, since a comparison is a subtraction.
        pj_special: Division, root, exponential and the like. Not in the
            source; priced as four multiply-accumulates (a polynomial of
            degree four, or Newton steps).
        pj_byte: Every memory access of the rule ``memory``, per byte. None
            takes the cost from the size of the memory, see ``lemaire``.
        lemaire: Integer arithmetic and memory of the rule ``memory``, after
            Lemaire et al., "An Analytical Estimation of Spiking Neural
            Networks Energy Efficiency", ICONIP 2022: 32-bit integer addition
            0.1, multiplication 3.1; an access to SRAM of 8 KiB 10, 32 KiB 20,
            1 MiB 100, linear between. spikingjelly's object.

    Raises:
        ValueError: If a constant is negative.
    """
    pj_mac: float = 4.6
    pj_ac: float = 0.9
    pj_mul: float = 3.7
    pj_compare: float = 0.9
    pj_special: float = 18.4
    pj_byte: Optional[float] = None
    lemaire: LemaireEnergyCostConfig = field(
        default_factory=LemaireEnergyCostConfig)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, (int, float)) and not value >= 0:
                raise ValueError(f'EnergyConstants: {item.name} must not be '
                                 f'negative, got {value}')

    def access(self, capacity_words: int) -> float:
        """One access to a 32-bit word in a memory of so many words."""
        per_byte = self.pj_byte
        if per_byte is None:
            per_byte = self.lemaire.memory_cost_pj(4. * capacity_words)
        return 4. * per_byte
