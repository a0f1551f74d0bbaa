"""A metafile in the package of MMAction2 1.1.0 lists several configs where
mmengine expects one, so every ``mmaction::`` base dies of an AttributeError.
It is reported as the ValueError after which mmengine looks for the file
itself."""
from types import ModuleType
from typing import Callable

from .patching import when_imported, wrap


def _as_value_error(get_cfg_metainfo: Callable) -> Callable:

    def get(package_path: str, cfg_path: str) -> dict:
        try:
            return get_cfg_metainfo(package_path, cfg_path)
        except AttributeError as error:
            raise ValueError(
                f'a metafile of {package_path} is malformed') from error

    return get


def _patch(config_utils: ModuleType) -> None:
    wrap(config_utils, '_get_cfg_metainfo', _as_value_error)


def apply() -> None:
    """Let configs build on those of a package with a broken metafile."""
    when_imported('mmengine.config.utils', _patch)
