"""Mends the published package stack; each fault has one module.

===========================  ===============================================
module                       fault it mends
===========================  ===============================================
mmaction_bfloat16            heads ask NumPy for bfloat16 scores
mmaction_color_jitter        ``ColorJitter`` overflows under NumPy 2
mmaction_drn                 mmaction2 1.2.0 lacks a package it imports
mmaction_metafile            mmaction2 1.1.0 has a malformed metafile
mmaction_visualization_hook  the hook fits neither visualizer nor inputs
mmaction_visualizer          mmaction2 1.2.0 draws no labels
mmengine_checkpoint          the safe unpickler refuses mmengine's buffers
mmengine_cpu_amp             ``AmpOptimWrapper`` asserts a GPU
mmengine_cpu_dist            launchers assume a GPU
mmengine_loading             weights are unpickled in full
mmengine_own_configs         ``respike_mm::`` configs are not found
mmengine_packages            packages are looked up with ``pkg_resources``
torch_conv2d_strided         narrow strided shortcuts corrupt memory on AVX2
torch_conv3d_bfloat16        gradients of short clips are garbage on a CPU
===========================  ===============================================

``patching`` holds the tools they share. Every module does nothing where its
fault is absent, and patches a host module only when that is imported.
"""
from . import (mmaction_bfloat16, mmaction_color_jitter, mmaction_drn,
               mmaction_metafile, mmaction_visualization_hook,
               mmaction_visualizer, mmengine_checkpoint, mmengine_cpu_amp,
               mmengine_cpu_dist, mmengine_loading, mmengine_own_configs,
               mmengine_packages, torch_conv2d_strided,
               torch_conv3d_bfloat16)

__all__ = ['apply']

_PATCHES = (mmaction_drn, mmaction_metafile, mmaction_bfloat16,
            mmaction_color_jitter, mmaction_visualization_hook,
            mmaction_visualizer, mmengine_checkpoint, mmengine_cpu_amp,
            mmengine_cpu_dist, mmengine_loading, mmengine_own_configs,
            mmengine_packages, torch_conv2d_strided, torch_conv3d_bfloat16)


def apply() -> None:
    """Apply every patch; calling it again changes nothing."""
    for patch in _PATCHES:
        patch.apply()
