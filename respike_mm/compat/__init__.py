"""Mends the published package stack; each fault has one module.

===================  ======================================================
module               fault it mends
===================  ======================================================
mmaction_drn         mmaction2 1.2.0 lacks a package it imports
mmengine_checkpoint  torch's safe unpickler refuses mmengine's checkpoints
mmengine_cpu_dist    mmengine's PyTorch launcher assumes a GPU
===================  ======================================================

``patching`` holds the tools they share. Every module does nothing where its
fault is absent.
"""
from . import (mmaction_color_jitter, mmaction_drn, mmengine_checkpoint,
               mmengine_cpu_dist)

__all__ = ['apply']


def apply() -> None:
    """Apply every patch; calling it again changes nothing."""
    for module in (mmaction_drn, mmaction_color_jitter, mmengine_checkpoint,
                   mmengine_cpu_dist):
        module.apply()
