"""Which classes are taken for which."""
from typing import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from .palette import COLOURS, INTENSITY

_NUMBERS_UP_TO = 20  # classes; more numbers would overlap


def class_accuracy(matrix: Tensor) -> Tensor:
    """Percent of each class that is recognized; NaN where there is none.

    Args:
        matrix: Counts ``[true, predicted]``.
    """
    return 100 * matrix.diag() / matrix.sum(1)


def draw_confusion(matrix: Tensor, names: Sequence[str],
                   title: str) -> Figure:
    """The matrix in percent of each true class, and the classes' accuracy.

    Args:
        matrix: Counts ``[true, predicted]``.
        names: Of the classes.
        title: Heading.
    """
    size = len(names)
    width = min(max(.42 * size, 3), 12)
    figure = Figure((width + 5.5, width + 1.2), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(width, 2.2))
    share = 100 * matrix / matrix.sum(1, keepdim=True)
    image = left.imshow(share.numpy(), cmap=INTENSITY, vmin=0, vmax=100,
                        aspect='auto')
    font = min(8, 420 / size)
    for axis in (left, right):
        axis.set_yticks(range(size), names, fontsize=font)
    left.set_xticks(range(size), names, fontsize=font, rotation=90)
    left.set_xlabel('predicted class')
    left.set_ylabel('true class')
    if size <= _NUMBERS_UP_TO:
        for i, j in matrix.nonzero().tolist():
            left.text(j, i, int(matrix[i, j]), ha='center', va='center',
                      fontsize=8,
                      color='black' if share[i, j] > 60 else 'white')
    figure.colorbar(image, ax=left, label='% of the true class; numbers are '
                    'samples' if size <= _NUMBERS_UP_TO else
                    '% of the true class')
    right.barh(range(size), class_accuracy(matrix).numpy(), color=COLOURS[0])
    right.set_ylim(size - .5, -.5)
    right.set_xlim(0, 100)
    right.set_xlabel('class accuracy (%)')
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
