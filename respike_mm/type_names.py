"""Names of what configs build."""
from typing import Union


def type_name(kind: Union[str, type]) -> str:
    """The name of a config's ``type``, without its scope.

    MMEngine takes a registered name, a dotted path or, in its new style of
    configs, the class itself.
    """
    return getattr(kind, '__name__', str(kind)).split('.')[-1]
