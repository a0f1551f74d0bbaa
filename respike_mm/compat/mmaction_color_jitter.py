"""MMAction2's ``ColorJitter`` adds a negative Python integer to the uint8 hue,
which NumPy 2 refuses (OverflowError); NumPy 1 widened to int16. The negative
shift is done in int16 again; shifts >= 0 never differed."""
from types import ModuleType
from typing import Callable

from .patching import when_imported, wrap


def _shift_hue_down(adjust_hue: Callable) -> Callable:

    def adjust(img, factor: float):
        offset = int(factor * 255)
        if offset >= 0:
            return adjust_hue(img, factor)
        import cv2
        import numpy as np
        img = np.clip(img, 0, 255).astype(np.uint8)
        hsv = cv2.cvtColor(img, cv2.COLOR_RGB2HSV)
        # OpenCV's 8-bit hue counts half degrees, hence 180.
        hsv[..., 0] = (hsv[..., 0].astype(np.int16) + offset) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)

    return adjust


def _refuses_negative() -> bool:
    import numpy as np
    try:
        np.zeros(1, np.uint8) + -1
    except OverflowError:
        return True
    return False


def _patch(processing: ModuleType) -> None:
    if _refuses_negative():
        wrap(processing.ColorJitter, 'adjust_hue', _shift_hue_down)


def apply() -> None:
    """Give ``ColorJitter`` back its NumPy 1 arithmetic."""
    when_imported('mmaction.datasets.transforms.processing', _patch)
