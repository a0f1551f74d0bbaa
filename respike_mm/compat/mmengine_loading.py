"""mmengine unpickles in full what it downloads, though files of others are
what the safe unpickler is for; and where loading fails, neither it nor PyTorch
says what can be done. All weights come through here: ``load_from``, resuming,
``Pretrained`` and ``ImageFilters``, inferencers."""
import os
import re
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, Callable
from urllib.error import URLError

from .patching import when_imported, wrap

# PyTorch's own switch; `--trust-checkpoint` of the tools sets it.
TRUST = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'


def is_trusted() -> bool:
    """Whether checkpoints may run code, by PyTorch's environment variable."""
    return os.getenv(TRUST, '').lower() in ('1', 'y', 'yes', 'true')


def _safely(load_url: Callable) -> Callable:

    def safe_load_url(url: str, *args: Any, **kwargs: Any) -> Any:
        # Given explicitly, or PyTorch would take False for the default.
        kwargs.setdefault('weights_only', not is_trusted())
        try:
            return load_url(url, *args, **kwargs)
        except (URLError, ConnectionError, TimeoutError) as error:
            raise ConnectionError(
                f'cannot download {url}: {error}. Without a network, fetch it '
                'elsewhere and put the path of the file in place of the '
                'address: load_from, model.backbone.pretrained, or the '
                'checkpoint of an init_cfg') from error

    return safe_load_url


def refusal(filename: str, error: UnpicklingError) -> str:
    """Say what is wrong with a checkpoint, in a line."""
    found = re.search(r'(?:GLOBAL|getattr\()\s?\S+', str(error))
    what = f' ({found[0]})' if found else ''
    return (f'{filename} is refused: it is not plain weights{what}, and '
            'unpickling it could run code. If you trust its source, pass '
            f'--trust-checkpoint to the tool or set {TRUST}=1')


def _explained(load_checkpoint: Callable) -> Callable:

    def load_or_explain(filename: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return load_checkpoint(filename, *args, **kwargs)
        except UnpicklingError as error:
            raise UnpicklingError(refusal(filename, error)) from error

    return load_or_explain


def _patch(checkpoint: ModuleType) -> None:
    wrap(checkpoint, 'load_url', _safely)
    wrap(checkpoint.CheckpointLoader, 'load_checkpoint', _explained)


def apply() -> None:
    """Load downloads safely, and explain what is refused or not reached."""
    when_imported('mmengine.runner.checkpoint', _patch)
