"""Paths from archives and lists must stay inside the output folder."""
from pathlib import Path, PureWindowsPath
from typing import Iterable, Union

from .errors import PrepareError


def is_inside(name: str) -> bool:
    """Tells whether a relative path stays below the folder it is put in."""
    # The rules of Windows know both slashes and drives.
    path = PureWindowsPath(name)
    return not path.anchor and '..' not in path.parts


def check_names(source: Union[str, Path], names: Iterable[str]) -> None:
    """Refuses an archive or list with a path that leads elsewhere.

    Args:
        source: Where the names come from, for the error.
        names: Paths relative to the folder they will be put in.

    Raises:
        PrepareError: If a path is absolute or has ``..`` in it.
    """
    for name in names:
        if not is_inside(name):
            raise PrepareError(
                f'{source} has the unsafe path {name!r}, which leads out of '
                'the output folder; download it again from its home page')
