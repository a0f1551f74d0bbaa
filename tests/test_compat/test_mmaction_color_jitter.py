import numpy as np
import pytest
from mmaction.datasets.transforms import ColorJitter, processing

from respike_mm.compat import mmaction_color_jitter
from respike_mm.compat.mmaction_color_jitter import _shift_hue_down
from respike_mm.compat.patching import is_wrapped

COLORS = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50],
          [10, 60, 250], [250, 20, 200], [7, 7, 7]]

# What the unpatched method gives under NumPy 1.26.4.
NUMPY_1 = {
    -0.5: [[59, 255, 0], [0, 59, 255], [255, 0, 59], [50, 200, 65],
           [250, 10, 114], [250, 250, 20], [7, 7, 7]],
    -0.1: [[255, 0, 212], [212, 255, 0], [0, 212, 255], [200, 50, 125],
           [10, 250, 242], [112, 20, 250], [7, 7, 7]],
    -0.02: [[255, 0, 42], [42, 255, 0], [0, 42, 255], [200, 75, 50],
            [10, 98, 250], [250, 20, 235], [7, 7, 7]],
    0.1: [[255, 213, 0], [0, 255, 213], [213, 0, 255], [175, 200, 50],
          [162, 10, 250], [250, 35, 20], [7, 7, 7]],
    # Here the uint8 hue wraps at 256 before the modulo; so it did then.
    0.5: [[60, 0, 255], [255, 60, 0], [0, 255, 60], [135, 50, 200],
          [10, 250, 18], [250, 235, 20], [7, 7, 7]],
}


@pytest.mark.parametrize('factor', NUMPY_1)
def test_hue_moves_as_under_numpy_1(factor):
    image = np.array([COLORS], np.float32)
    shifted = ColorJitter.adjust_hue(image, factor)
    assert shifted.dtype == np.float32
    assert shifted[0].tolist() == NUMPY_1[factor]


def test_upward_shifts_stay_with_the_original():
    asked = []
    adjust = _shift_hue_down(lambda img, factor: asked.append(factor))
    for factor in (0.003, 0.5, -0.003):  # the last rounds to no shift
        adjust(None, factor)
    assert asked == [0.003, 0.5, -0.003]


def test_nothing_is_done_under_numpy_1(monkeypatch):

    class Jitter:

        @staticmethod
        def adjust_hue(img, factor):
            return img

    monkeypatch.setattr(processing, 'ColorJitter', Jitter)
    monkeypatch.setattr(mmaction_color_jitter, '_refuses_negative',
                        lambda: False)
    mmaction_color_jitter.apply()
    assert not is_wrapped(Jitter.adjust_hue)
