"""mmengine unpickles in full what it downloads, and from 0.11 on any file,
though files of others are what the safe unpickler is for; and where loading
fails, neither it nor PyTorch says what can be done. All weights come through
here: ``load_from``, resuming, ``Pretrained`` and ``ImageFilters``,
inferencers."""
import os
import re
from contextlib import contextmanager
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, Callable, Iterator
from urllib.error import URLError

from .patching import when_imported, wrap

# PyTorch's own switches; `--trust-checkpoint` of the tools sets the first.
TRUST = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
DISTRUST = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def is_trusted() -> bool:
    """Whether checkpoints may run code, by PyTorch's environment variable."""
    return os.getenv(TRUST, '').lower() in ('1', 'y', 'yes', 'true')


@contextmanager
def safe_unpickling() -> Iterator[None]:
    """Have PyTorch unpickle weights only, whatever its caller asks for.

    Without effect where checkpoints are trusted.
    """
    before = os.environ.get(DISTRUST)
    if not is_trusted():
        os.environ[DISTRUST] = '1'
    try:
        yield
    finally:
        os.environ.pop(DISTRUST, None)
        if before is not None:
            os.environ[DISTRUST] = before


def _reachable(load_url: Callable) -> Callable:

    def load_url_or_explain(url: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return load_url(url, *args, **kwargs)
        except (URLError, ConnectionError, TimeoutError) as error:
            raise ConnectionError(
                f'cannot download {url}: {error}. Without a network, fetch it '
                'elsewhere and put the path of the file in place of the '
                'address: load_from, model.backbone.pretrained, or the '
                'checkpoint of an init_cfg') from error

    return load_url_or_explain


def refusal(filename: str, error: UnpicklingError) -> str:
    """Say what is wrong with a checkpoint, in a line."""
    found = re.search(r'(?:GLOBAL|getattr\()\s?\S+', str(error))
    what = f' ({found[0]})' if found else ''
    return (f'{filename} is refused: it is not plain weights{what}, and '
            'unpickling it could run code. If you trust its source, pass '
            f'--trust-checkpoint to the tool or set {TRUST}=1')


def _safely(load_checkpoint: Callable) -> Callable:

    def load_safely(filename: str, *args: Any, **kwargs: Any) -> Any:
        try:
            with safe_unpickling():
                return load_checkpoint(filename, *args, **kwargs)
        except UnpicklingError as error:
            raise UnpicklingError(refusal(filename, error)) from error

    return load_safely


def _patch(checkpoint: ModuleType) -> None:
    wrap(checkpoint, 'load_url', _reachable)
    wrap(checkpoint.CheckpointLoader, 'load_checkpoint', _safely)


def apply() -> None:
    """Load weights safely, and explain what is refused or not reached."""
    when_imported('mmengine.runner.checkpoint', _patch)
