"""Predicted classes written on frames."""
from typing import Sequence, Tuple

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LEGIBLE = 240  # pixels of the shorter side


def draw_caption(frame: np.ndarray,
                 lines: Sequence[Tuple[str, float]]) -> np.ndarray:
    """Write classes with their scores above a frame.

    The band over the frame hides nothing of it. Each line has a bar behind
    it, as long as its score. Frames too small to write on are enlarged by a
    whole number.

    Args:
        frame: RGB, ``[H, W, 3]`` uint8.
        lines: Classes and their scores, 0 to 1, best first.

    Returns:
        ``[zoom * H + band, zoom * W, 3]`` uint8.
    """
    zoom = -(-_LEGIBLE // min(frame.shape[:2]))
    frame = frame.repeat(zoom, 0).repeat(zoom, 1)
    height, width = frame.shape[:2]
    row = round(min(height, width) / 12)
    scale = row / 40
    band = np.full((row * len(lines), width, 3), 32, np.uint8)
    for i, (name, score) in enumerate(lines):
        top = i * row
        band[top:top + row - 1, :round(width * score)] = (0, 114, 178)
        text = f'{100 * score:3.0f} % {name}'
        cv2.putText(band, text, (4, top + round(.75 * row)), _FONT, scale,
                    (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([band, frame])
