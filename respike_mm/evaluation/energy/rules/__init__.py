"""Counting rules by name."""
from typing import Dict

from .charge import Charge, Rule
from .memory import memory
from .paper import paper
from .strict import strict

RULES: Dict[str, Rule] = dict(paper=paper, strict=strict, memory=memory)

__all__ = ['RULES', 'Charge', 'Rule']
