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


def energy(name: str, column: Optional[str]) -> Optional[float]:
    """The paper's energy of a system in mJ per clip, if it has one."""
    return figures()['energy_mj'].get(column, {}).get(name)


def depth_gmacs(name: str) -> Optional[float]:
    """Table 2's inference GFLOPs of an ANN."""
    return figures()['depth_gmacs'].get(name)
