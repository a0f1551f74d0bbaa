"""Names of the classes, for people to read."""
from pathlib import Path
from typing import List, Optional


def read_class_names(path: Optional[Path], num_classes: int) -> List[str]:
    """Names in the order of the labels.

    Args:
        path: One name a line, or ``label name`` in the order of the labels,
            as UCF-101's ``classInd.txt`` has them. Without it classes are
            called ``class 0``, ``class 1``, ...
        num_classes: Classes of the model.

    Raises:
        ValueError: If the file holds another number of names.
    """
    if path is None:
        return [f'class {label}' for label in range(num_classes)]
    lines = Path(path).read_text(encoding='utf-8-sig').splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) != num_classes:
        raise ValueError(f'{path} names {len(lines)} classes, the model has '
                         f'{num_classes}')
    heads = [line.split(maxsplit=1)[0] for line in lines]
    for first in (0, 1):
        if heads == [str(i) for i in range(first, first + num_classes)]:
            return [line.split(maxsplit=1)[-1] for line in lines]
    return lines
