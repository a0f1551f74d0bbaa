"""mmengine reads ``package::config`` for packages on its own list only, from
a ``.mim`` folder that an editable install does not have, and not without a
folder in between. For this package's configs it is told where they lie."""
from types import ModuleType
from typing import Callable, Optional, Tuple

from ..shipped_files import shipped
from .patching import when_imported, wrap

PREFIX = 'respike_mm::'


def _find_own_configs(get_cfg_path: Callable) -> Callable:

    def get(cfg_path: str, filename: str) -> Tuple[str, Optional[str]]:
        if not cfg_path.startswith(PREFIX):
            return get_cfg_path(cfg_path, filename)
        # No scope: the components are in MMAction2's registries.
        return str(shipped('configs/' + cfg_path.removeprefix(PREFIX))), None

    return get


def _patch(config: ModuleType) -> None:
    wrap(config.Config, '_get_cfg_path', _find_own_configs)


def apply() -> None:
    """Let configs build on ``respike_mm::`` ones."""
    when_imported('mmengine.config.config', _patch)
