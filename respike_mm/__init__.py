"""ReSpike for MMAction2: importing this package registers its components."""
from . import compat

# MMAction2 as published cannot import its own models; mend the stack first.
compat.apply()

from . import datasets, deployment, engine, evaluation, models  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = [
    '__version__', 'datasets', 'deployment', 'engine', 'evaluation', 'models'
]
