"""The two tools of every patch here: wrap a callable once, and patch a module
when it is first imported, so that no patch imports what nobody uses."""
import functools
import inspect
import sys
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Callable, Optional, Sequence

_MARK = '_respike_mm_patched'


def wrap(owner: Any, name: str, make: Callable[[Callable], Callable]) -> None:
    """Replace ``owner.name`` by ``make(owner.name)``, at most once.

    Args:
        owner: Class or module that holds the callable.
        name: Name of the callable.
        make: Takes the original callable and returns its replacement.
    """
    original = getattr(owner, name)
    if hasattr(original, _MARK):
        return
    wrapper = functools.wraps(original)(make(original))
    setattr(wrapper, _MARK, True)
    if isinstance(inspect.getattr_static(owner, name), staticmethod):
        wrapper = staticmethod(wrapper)
    setattr(owner, name, wrapper)


def is_wrapped(function: Callable) -> bool:
    """Tell whether a callable is one of this package's replacements."""
    return hasattr(function, _MARK)


@dataclass(frozen=True)
class _PatchingFinder(MetaPathFinder):
    """Finds one module as usual and patches it when it has been executed."""

    module_name: str
    patch: Callable[[ModuleType], None]

    def find_spec(self,
                  fullname: str,
                  path: Optional[Sequence[str]] = None,
                  target: Optional[ModuleType] = None
                  ) -> Optional[ModuleSpec]:
        if fullname != self.module_name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            # Whoever finds a module ends the search: patch for the others.
            patches = [f.patch for f in reversed(sys.meta_path)
                       if isinstance(f, _PatchingFinder)
                       and f.module_name == fullname]

            def exec_module(module: ModuleType) -> None:
                execute(module)
                for patch in patches:
                    patch(module)

            spec.loader.exec_module = exec_module
        return spec


def when_imported(module_name: str, patch: Callable[[ModuleType],
                                                    None]) -> None:
    """Patch a module now if it is loaded, else as soon as it has been.

    Args:
        module_name: Full name of the module.
        patch: Called with the module; must bear being called again.
    """
    if module_name in sys.modules:
        patch(sys.modules[module_name])
        return
    finder = _PatchingFinder(module_name, patch)
    if finder not in sys.meta_path:
        sys.meta_path.insert(0, finder)
