"""The paper's figures, from paper.yaml."""
from functools import lru_cache
from typing import Any, Dict, Optional

import yaml

from .files import BENCHMARK
from .suite import SYSTEMS


@lru_cache(maxsize=None)
def figures() -> Dict[str, Any]:
    """All of the file."""
    return yaml.safe_load((BENCHMARK / 'paper.yaml').read_text('utf-8'))


def accuracy(section: str, name: str,
             column: Optional[str]) -> Optional[float]:
    """The paper's top-1 accuracy of a row, in percent, if it has one.

    Args:
        section: Of the row.
        name: The paper's name of the row.
        column: The paper's data set.
    """
    table = 'systems' if section in SYSTEMS else section
    return figures()[table].get(column, {}).get(name)


def energy(section: str, name: str, column: Optional[str]) -> Optional[float]:
    """The paper's energy in mJ per clip, if table 3 has the row."""
    if section == 'Depth':  # of ReSpike; its rows are named after the ANNs
        return None
    return figures()['energy_mj'].get(column, {}).get(name)


def has_energy(column: Optional[str]) -> bool:
    """Whether table 3 is of this data set."""
    return column in figures()['energy_mj']


def depth_gmacs(name: str) -> Optional[float]:
    """Table 2's inference GFLOPs of an ANN."""
    return figures()['depth_gmacs'].get(name)
