"""Configs, tools and indexes, wherever the package is installed."""
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(path: str) -> Path:
    """Find a file or folder that comes with the package.

    A wheel holds them in the package's ``.mim`` folder, as OpenMMLab's tools
    expect; an editable install has them beside the package.

    Args:
        path: Such as ``'configs/respike_r50_k400.py'`` or ``'tools'``.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    mim = PACKAGE / '.mim'
    found = (mim if mim.is_dir() else PACKAGE.parent) / path
    if not found.exists():
        raise FileNotFoundError(f'respike_mm comes with no {path}: '
                                f'{found} does not exist')
    return found
