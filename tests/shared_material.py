"""Where optional research material lies: beside the checkout, or nowhere.

Golden outputs and real clips are not part of the project; tests that use
them skip where they are absent. ``RESPIKE_SHARED`` overrides the folder.
"""
import importlib.util
import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get('RESPIKE_SHARED',
                   Path(__file__).resolve().parents[2] / 'shared'))
GOLDEN = SHARED / 'golden'
UCF101_10 = SHARED / 'data/ucf101_10'
RESNET18_WEIGHTS = (
    SHARED / 'data/weights/resnet18_imagenet1k_v1_partial_recalbn.pt')

needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason='no golden outputs beside the checkout')
needs_real_video = pytest.mark.skipif(
    not UCF101_10.is_dir(), reason='no real clips beside the checkout')


def load_case(stem: str):
    """Metadata, weights, clip and expected values of one golden case."""
    spec = importlib.util.spec_from_file_location(
        'deterministic_init', GOLDEN / 'deterministic_init.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load_case(str(GOLDEN / stem))
