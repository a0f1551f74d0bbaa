"""Activation checkpointing: what the backward pass computes anew, by level.

    none       nothing
    attention  the fusion blocks
    neurons    also what lies between the convolutions of both backbones
               (normalisation, neurons, activations, shortcuts);
               convolutions keep their outputs
    all        everything, block by block

Blocks are those of the stages: what SNNResNet and STSResNet do to their stem's
output is kept at every level.

Every level gives the same outputs, gradients and running statistics. PyTorch's
checkpoint does the work and restores autocast and the state of the random
number generator; added here are what it leaves open, namely running statistics
(a block that runs twice must update them once) and which outputs to keep.
"""
from contextlib import (AbstractContextManager, ExitStack, contextmanager,
                        nullcontext)
from functools import partial
from typing import Callable, Iterator, List, Optional, Tuple

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from torch.utils.checkpoint import checkpoint

from .made_again import forget_recipe

CHECKPOINT_LEVELS = ('none', 'attention', 'neurons', 'all')


def recomputes(level: str, part: str) -> bool:
    """Whether a level covers a part, named by the first level that does.

    Raises:
        ValueError: If there is no such level.
    """
    if level not in CHECKPOINT_LEVELS:
        raise ValueError(f'checkpoint must be one of {CHECKPOINT_LEVELS}, '
                         f'got {level!r}')
    return CHECKPOINT_LEVELS.index(level) >= CHECKPOINT_LEVELS.index(part)


@contextmanager
def buffers_untouched(module: nn.Module) -> Iterator[None]:
    """Run a module on copies of its buffers, which are then thrown away.

    To make batch norm update nothing would take fewer inputs than the first
    run had, and a checkpoint insists on saving the same tensors twice.
    """
    originals = [(m, dict(m._buffers)) for m in module.modules() if m._buffers]
    for owner, buffers in originals:
        owner._buffers.update({
            name: buffer.clone()
            for name, buffer in buffers.items() if buffer is not None
        })
    try:
        yield
    finally:
        for owner, buffers in originals:
            owner._buffers.update(buffers)


class _KeptConvolution(torch.autograd.Function):
    """A convolution whose output is known already.

    It stands in for the first run's convolution, which alone takes part in
    the backward pass: all it has to do is to save the same two tensors, under
    the same condition, namely that any of the three wants a gradient.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Optional[Tensor],
                output: List[Tensor]):
        ctx.save_for_backward(x, weight)
        return output[0].detach()

    @staticmethod
    def backward(ctx, grad: Tensor):
        raise RuntimeError('the second run of a checkpoint has no backward')


class _ConvolutionOutputs(TorchFunctionMode):
    """Collects the outputs of ``conv2d``, or puts them in its place."""

    def __init__(self, outputs: list, replay: bool) -> None:
        super().__init__()
        self.outputs = outputs
        self.replay = replay

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not torch.conv2d:
            return func(*args, **(kwargs or {}))
        if not self.replay:
            out = func(*args, **(kwargs or {}))
            self.outputs.append((out.detach(), out._version))
            return out
        out = self.outputs.pop(0) if self.outputs else None
        if out is None:  # written to in place, or taken by a hook past _Keep
            return func(*args, **(kwargs or {}))
        if not torch.is_grad_enabled():  # inside another function's forward
            return out
        x, weight = (a.to(out.dtype) for a in args[:2])
        bias = (*args, None)[2]
        return _KeptConvolution.apply(x, weight, bias, [out])


class _Keep(torch.autograd.Function):
    """Identity that saves tensors, and refills a list with them before the
    backward pass reaches what computed its inputs.

    The list holds tensors and their versions then; what has been written to
    since comes back as None.
    """

    @staticmethod
    def forward(ctx, store: list, *inputs: Tensor):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(
            *(x if x._version == version else None for x, version in store))
        ctx.store = store
        store.clear()
        return tuple(x.view_as(x) for x in inputs)

    @staticmethod
    def backward(ctx, *grads: Tensor):
        ctx.store[:] = ctx.saved_tensors
        return None, *grads


def _keep(value, store: list):
    """``value``, tensors or containers of them, through :class:`_Keep`."""
    leaves, spec = tree_flatten(value)
    tensors = iter(
        _Keep.apply(store, *(x for x in leaves if isinstance(x, Tensor))))
    return tree_unflatten(
        [next(tensors) if isinstance(x, Tensor) else x for x in leaves], spec)


class _SecondRun(AbstractContextManager):
    """Surroundings of the run in the backward pass."""

    def __init__(self, owner: nn.Module,
                 outputs: Optional[list]) -> None:
        self.owner = owner
        self.outputs = outputs

    def __enter__(self) -> None:
        with ExitStack() as stack:
            stack.enter_context(buffers_untouched(self.owner))
            if self.outputs is not None:
                stack.enter_context(
                    _ConvolutionOutputs(self.outputs, replay=True))
            self.stack = stack.pop_all()

    def __exit__(self, *exc_info) -> None:
        self.stack.close()


def _own_containers(args):
    """The same tensors in new containers: some functions write into the lists
    that they are given, some callers go on filling them."""
    return tree_map(lambda x: x, args)


@torch.compiler.disable  # inside CompileHook's graph blocks run eagerly
def recompute(function: Callable,
              *args,
              owner: nn.Module,
              keep_convolutions: bool = False,
              **kwargs):
    """Call a function now and again in the backward pass.

    Args:
        function: What to call, without state other than buffers.
        *args: Its inputs.
        owner: Module that holds the buffers (batch norm's statistics).
        keep_convolutions: Keep the outputs of ``conv2d``, so that the second
            run costs no convolution.
        **kwargs: Further inputs.

    Returns:
        What the function returns.
    """
    if not torch.is_grad_enabled():
        return function(*args, **kwargs)
    for arg in (*args, *kwargs.values()):
        if isinstance(arg, Tensor):
            forget_recipe(arg)
    outputs = [] if keep_convolutions else None

    def surroundings() -> Tuple[AbstractContextManager, _SecondRun]:
        first = (
            _ConvolutionOutputs(outputs, replay=False)
            if keep_convolutions else nullcontext())
        return first, _SecondRun(owner, outputs)

    def run(*args, **kwargs):
        return function(*_own_containers(args), **_own_containers(kwargs))

    out = checkpoint(
        run, *_own_containers(args), use_reentrant=False,
        context_fn=surroundings, **_own_containers(kwargs))
    return _keep(out, outputs) if keep_convolutions else out


class RecomputedForward:
    """Stands in for ``forward`` of one module: ``m.forward = this(m)``.

    Unlike a wrapper it leaves the names of parameters alone, and unlike a
    bound method it follows the module into a copy.
    """

    def __init__(self, module: nn.Module, keep_convolutions: bool) -> None:
        self.module = module
        self.keep_convolutions = keep_convolutions

    def __call__(self, *args, **kwargs):
        return recompute(
            partial(type(self.module).forward, self.module),
            *args,
            owner=self.module,
            keep_convolutions=self.keep_convolutions,
            **kwargs)


def checkpoint_blocks(backbone: nn.Module,
                      keep_convolutions: bool = False) -> None:
    """Recompute a backbone block by block, see :func:`recompute`.

    Blocks are the modules that hold layers, found inside the outermost
    ``Sequential``, ``ModuleList`` and ``ModuleDict`` containers. torchvision's
    feature extractors run a graph instead of their modules; they are one
    block.
    """
    for block in _blocks(backbone):
        block.forward = RecomputedForward(block, keep_convolutions)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, fx.GraphModule):
        yield module
        return
    for child in module.children():
        if isinstance(child, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
            yield from _blocks(child)
        elif next(child.children(), None) is not None:
            yield child
