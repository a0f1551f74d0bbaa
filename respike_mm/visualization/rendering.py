"""Figures as pixels."""
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def render(figure: Figure) -> np.ndarray:
    """Draw a figure: RGB ``[H, W, 3]`` uint8, cut to what is on it."""
    picture = BytesIO()
    figure.savefig(picture, dpi=90, bbox_inches='tight', format='png')
    with Image.open(picture) as image:
        return np.asarray(image.convert('RGB'))
