"""mmengine 0.10.7 finds packages through ``pkg_resources``, which setuptools
>= 82 no longer brings: configs based on ``mmaction::`` ones cannot be read.
Without ``pkg_resources`` its two look-ups use importlib instead.

A config file is read before its ``custom_imports`` are run, so this needs
``respike_mm`` to be imported by the program, as its own tools do."""
import os.path as osp
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from types import ModuleType

from .patching import when_imported


def module_of(package: str) -> str:
    """Infer the name of a package's module.

    Args:
        package: Name of a distribution, or already of a module.

    Returns:
        Name of the top-level module.

    Raises:
        PackageNotFoundError: If there is no such package or module.
        ValueError: If the package does not tell its module.
    """
    if find_spec(package) is not None:
        return package
    top_level = distribution(package).read_text('top_level.txt')
    if not top_level:
        raise ValueError(f'can not infer the module name of {package}')
    return top_level.split()[0]


def is_installed(package: str) -> bool:
    """Tell whether a package is installed or a module can be imported."""
    try:
        distribution(package)
    except PackageNotFoundError:
        spec = find_spec(package)
        return spec is not None and spec.origin is not None
    return True


def get_installed_path(package: str) -> str:
    """Return the folder of a package's module.

    Args:
        package: Name of a distribution or a module.

    Raises:
        RuntimeError: If the module is a namespace package.
    """
    spec = find_spec(module_of(package))
    if spec is None or spec.origin is None:
        raise RuntimeError(f'{package} has no folder of its own')
    return osp.dirname(spec.origin)


def _patch(package_utils: ModuleType) -> None:
    if find_spec('pkg_resources') is not None:
        return
    for replacement in (is_installed, get_installed_path):
        name = replacement.__name__
        original = getattr(package_utils, name)
        # Other modules of mmengine have imported the function by name.
        for module in list(sys.modules.values()):
            if getattr(module, '__dict__', {}).get(name) is original:
                setattr(module, name, replacement)


def apply() -> None:
    """Let mmengine find packages without ``pkg_resources``."""
    when_imported('mmengine.utils.package_utils', _patch)
