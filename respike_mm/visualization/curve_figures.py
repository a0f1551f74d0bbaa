"""Curves of a training, from MMEngine's ``scalars.json``."""
import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from matplotlib.figure import Figure

from .palette import COLOURS


def read_scalars(path: Path) -> List[dict]:
    """Rows of a ``vis_data/scalars.json``: one JSON object a line.

    Raises:
        ValueError: If the file is another.
    """
    rows = []
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f'{path}:{number} is no JSON object; give the '
                             'vis_data/scalars.json of a training') from error
    return rows


def series(rows: Sequence[dict], key: str) -> Tuple[List[int], List[float]]:
    """Steps and values of one scalar.

    Raises:
        ValueError: If no row has it.
    """
    points = [(row['step'], row[key]) for row in rows if key in row]
    if not points:
        known = sorted({name for row in rows for name in row} -
                       {'step', 'iter', 'epoch'})
        raise ValueError(f'no scalar {key!r} was written; there are {known}')
    steps, values = zip(*points)
    return list(steps), list(values)


def draw_curves(runs: Dict[str, Sequence[dict]], keys: Sequence[str],
                title: str) -> Figure:
    """A panel per scalar, a line per run.

    Training scalars are over iterations. MMEngine counts validations by
    epoch, and so does their panel.

    Args:
        runs: Name of a run to its rows.
        keys: The scalars.
        title: Heading.
    """
    figure = Figure((4.2 * len(keys), 3.4), layout='constrained')
    for axis, key in zip(figure.subplots(1, len(keys), squeeze=False)[0],
                         keys):
        for index, (name, rows) in enumerate(runs.items()):
            steps, values = series(rows, key)
            axis.plot(steps, values, label=name, marker='.', markersize=4,
                      color=COLOURS[index % len(COLOURS)])
        by_iteration = any(key in row and 'iter' in row
                           for rows in runs.values() for row in rows)
        axis.set_xlabel('iteration' if by_iteration else 'epoch')
        axis.set_ylabel(key)
        axis.grid(alpha=.3)
    if len(runs) > 1:
        axis.legend(fontsize=8)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
