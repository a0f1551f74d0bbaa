"""torch >= 2.6 loads checkpoints with its safe unpickler, which refuses the
``HistoryBuffer`` that mmengine 0.10.7 stores in every checkpoint: resuming,
testing and inferencing die. Exactly what such a buffer holds is allow-listed;
the safe unpickler stays on."""
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, Callable, List, Tuple, Union

from .patching import when_imported

# The statistics that every HistoryBuffer carries along; mmengine pickles them
# as ``getattr(HistoryBuffer, name)``.
_STATISTICS = ('min', 'max', 'current', 'mean')


def history_buffer_getattr(owner: Any, name: str) -> Callable:
    """Stand for ``getattr`` in checkpoints, serving only the statistics.

    Args:
        owner: Must be ``HistoryBuffer`` itself.
        name: Must be one of its four built-in statistics.

    Returns:
        The method of ``HistoryBuffer``.

    Raises:
        UnpicklingError: If anything else is asked for.
    """
    from mmengine.logging.history_buffer import HistoryBuffer
    if owner is not HistoryBuffer or type(name) is not str \
            or name not in _STATISTICS:
        raise UnpicklingError(
            f'getattr({owner!r}, {name!r}) is refused: a checkpoint may only '
            f'ask for the statistics {_STATISTICS} of HistoryBuffer')
    return getattr(HistoryBuffer, name)


def _safe_globals() -> List[Union[Callable, Tuple[Callable, str]]]:
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer
    # The modules' names changed in NumPy 2; a checkpoint may stem from either.
    reconstruct, scalar = (
        np.array(0.).__reduce__()[0], np.float64(0).__reduce__()[0])
    renamed = [(function, f'numpy.{core}.multiarray.{name}')
               for core in ('core', '_core')
               for function, name in ((reconstruct, '_reconstruct'),
                                      (scalar, 'scalar'))]
    dtypes = {type(np.dtype(code)) for code in ('f4', 'f8', 'i4', 'i8')}
    return [
        HistoryBuffer, (history_buffer_getattr, 'builtins.getattr'),
        np.ndarray, np.dtype, *dtypes, *renamed
    ]


def _allow(serialization: ModuleType) -> None:
    # Without this function torch has no safe unpickler to open.
    if hasattr(serialization, 'add_safe_globals'):
        serialization.add_safe_globals(_safe_globals())


def apply() -> None:
    """Allow-list the contents of mmengine's checkpoints."""
    when_imported('torch.serialization', _allow)
