"""MMAction2's heads and metrics call ``.numpy()`` on class scores, which torch
refuses for bfloat16, the type of autocast on CPUs. The scores are cast to
float32 where they leave any ``BaseHead``, and where a head that computes them
within its own ``loss`` hands them over."""
from types import ModuleType
from typing import Any, Callable

from .patching import when_imported, wrap


def to_float32(scores: Any) -> Any:
    """Cast bfloat16 tensors to float32 and leave everything else alone.

    Args:
        scores: A tensor, or tensors in dicts, lists and tuples.

    Returns:
        The same structure; the same object where there is nothing to cast.
    """
    import torch
    if isinstance(scores, torch.Tensor):
        return scores.float() if scores.dtype == torch.bfloat16 else scores
    if isinstance(scores, dict):
        return {key: to_float32(value) for key, value in scores.items()}
    if isinstance(scores, (list, tuple)):
        return type(scores)(to_float32(value) for value in scores)
    return scores


def _cast_output(call: Callable) -> Callable:

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return to_float32(call(self, *args, **kwargs))

    return __call__


def _cast_scores(loss_by_feat: Callable) -> Callable:

    def loss_by_feat_(self, cls_scores: Any, *args: Any,
                      **kwargs: Any) -> Any:
        return loss_by_feat(self, to_float32(cls_scores), *args, **kwargs)

    return loss_by_feat_


def _patch(base: ModuleType) -> None:
    # The call too: some heads override ``loss_by_feat``.
    wrap(base.BaseHead, '__call__', _cast_output)
    wrap(base.BaseHead, 'loss_by_feat', _cast_scores)


def apply() -> None:
    """Let stock heads run under autocast on a CPU."""
    when_imported('mmaction.models.heads.base', _patch)
