"""Keeping for the backward pass what a tensor was made from, not the tensor.

A normalisation costs little beside the layers around it, and what it was made
from is often kept anyway. Unlike the levels of :mod:`.checkpointing`, which
trade time for memory, what is here costs little and is always on.
"""
import weakref
from typing import Callable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def keep_source(make: Callable[[Tensor], Tensor],
                use: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``use(make(x))``, where autograd keeps ``x`` and not ``make(x)``.

    ``make`` runs again in the backward pass, ``use`` does not: PyTorch's
    checkpoint stops as soon as it has what the first run kept.

    Args:
        make: Makes the input; without dropout or state that it changes.
        use: A linear layer or convolution.
        x: What ``make`` takes.

    Returns:
        What ``use`` returns.
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return use(make(x))  # a compiler decides itself what to keep
    return checkpoint(
        lambda x: use(make(x)), x, use_reentrant=False,
        preserve_rng_state=False)


class Recipe(NamedTuple):
    """How to make a tensor again.

    Attributes:
        make: Gives the same bits as at first; called without gradients.
        sources: What it takes.
    """
    make: Callable[..., Tensor]
    sources: Tuple[Optional[Tensor], ...]


def _keeper() -> Optional[Callable]:
    """Who packs saved tensors, such as a checkpoint; None for autograd."""
    hooks = torch._C._autograd._top_saved_tensors_default_hooks(False)
    return hooks and hooks[0]


def attach_recipe(x: Tensor, recipe: Recipe) -> None:
    """Tell the next layer how to make its input ``x`` again."""
    keeper = _keeper()
    # Weakly: a recipe shall not keep a checkpoint alive.
    x._recipe = recipe, x._version, keeper and weakref.ref(keeper)


def forget_recipe(x: Tensor) -> None:
    """Drop a recipe that no layer will use; while ``x`` is kept, it costs."""
    x.__dict__.pop('_recipe', None)


def with_recipe(x: Tensor, view: Callable[[Tensor], Tensor]) -> Tensor:
    """``view(x)``, with the recipe of ``x`` if there is one.

    Args:
        x: The result of a layer.
        view: Gives another shape to the same numbers.
    """
    recipe, out = recipe_of(x), view(x)
    if recipe:
        forget_recipe(x)
        attach_recipe(out, Recipe(
            lambda *sources: view(recipe.make(*sources)), recipe.sources))
    return out


def recipe_of(x: Tensor) -> Optional[Recipe]:
    """The recipe attached to ``x``, if it still holds.

    Not if ``x`` has been written to since, or if a checkpoint has begun
    between maker and user: running again, it may hand the user a tensor
    without a recipe, and must keep the same tensors both times.
    """
    recipe, version, keeper = getattr(x, '_recipe', (None, None, None))
    holds = version == x._version and (keeper and keeper()) is _keeper()
    return recipe if holds else None
