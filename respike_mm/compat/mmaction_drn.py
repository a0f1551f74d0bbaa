"""MMAction2 1.2.0 was published without ``mmaction.models.localizers.drn``
(its issue 2714), so ``import mmaction.models`` fails. A stand-in package is
offered after every other finder, hence only where the real one is missing."""
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Optional, Sequence

_PACKAGE = 'mmaction.models.localizers.drn'
_MODULE = f'{_PACKAGE}.drn'


class _MissingDRNFinder(MetaPathFinder, Loader):
    """Serves the stand-in package and its one module."""

    def find_spec(self,
                  fullname: str,
                  path: Optional[Sequence[str]] = None,
                  target: Optional[ModuleType] = None
                  ) -> Optional[ModuleSpec]:
        if fullname not in (_PACKAGE, _MODULE):
            return None
        return ModuleSpec(fullname, self, is_package=fullname == _PACKAGE)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == _MODULE:
            module.DRN = _make_drn()


def _make_drn() -> type:
    from mmaction.registry import MODELS

    # Registered, so that a config that asks for DRN is told why it fails.
    @MODELS.register_module()
    class DRN:
        """Stands for the localizer that the mmaction2 package lacks."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise NotImplementedError(
                f'the installed mmaction2 lacks {_PACKAGE}, which its package '
                'forgot; install mmaction2 from source to use DRN')

    return DRN


def apply() -> None:
    """Offer the stand-in to imports that find no real module."""
    if not any(isinstance(x, _MissingDRNFinder) for x in sys.meta_path):
        sys.meta_path.append(_MissingDRNFinder())
