"""Leaky integrate-and-fire neuron, see :mod:`.lif_functional`."""
from inspect import signature
from math import isinf
from typing import Optional

import torch
from mmaction.registry import MODELS
from spikingjelly.activation_based import surrogate as surrogates
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .lif_backend import BACKENDS, Backend, choose_backend
from .lif_functional import LIFParameters
from .made_again import Recipe, recipe_of


class _LIFFunction(torch.autograd.Function):
    """Spikes of all time steps; saves its input for the backward pass, or,
    where there is a recipe of it, what that takes.

    spikingjelly's multi-step node unrolls the loop into the autograd graph
    and keeps at least two tensors per step. The input alone determines the
    membrane, which is cheap to run again; in half precision it is half the
    size, and other layers often keep the same tensor. ``tools/
    analysis_tools/benchmark_lif.py`` prints time and bytes side by side.
    """

    @staticmethod
    def forward(ctx, x: Tensor, recipe: Optional[Recipe],
                params: LIFParameters,
                surrogate: surrogates.SurrogateFunctionBase,
                backend: Backend) -> Tensor:
        ctx.save_for_backward(*(recipe.sources if recipe else (x, )))
        ctx.make = recipe and recipe.make
        ctx.params, ctx.surrogate, ctx.backend = params, surrogate, backend
        return backend.spikes(x, params)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_spikes: Tensor):
        sources = ctx.saved_tensors
        x = ctx.make(*sources) if ctx.make else sources[0]
        grad = ctx.backend.input_gradient(x, grad_spikes, ctx.params,
                                          ctx.surrogate)
        return grad, None, None, None, None


def build_surrogate(name: str, **options) -> surrogates.SurrogateFunctionBase:
    """A surrogate function of spikingjelly, by its name and arguments.

    Raises:
        ValueError: If there is none of the name, its gradient has no closed
            form with constants of its own, or it shall not spike.
    """
    cls = getattr(surrogates, name, None)
    if (isinstance(cls, type)
            and issubclass(cls, surrogates.SurrogateFunctionBase)
            and hasattr(cls, 'backward')):
        surrogate = cls(**options)
        constants = list(signature(cls.backward).parameters)[2:]
        if all(hasattr(surrogate, constant) for constant in constants):
            if not surrogate.spiking:
                raise ValueError('LIFNeuron: a surrogate function stands for '
                                 'the gradient alone; leave out spiking=False')
            return surrogate
    raise ValueError('LIFNeuron: spikingjelly has no surrogate function '
                     f'{name!r} with a closed-form gradient')


@MODELS.register_module()
class LIFNeuron(nn.Module):
    """Multi-step LIF neuron; every call starts from rest.

    The membrane potential lives inside one call, so a call is one segment
    and there is no state to forget to reset.

    Args:
        tau: Membrane time constant in time steps, > 1; ``V`` decays by
            ``1 - 1 / tau`` a step. Defaults to 4/3 (the authors' code).
        decay_input: Scale the input by ``1 / tau`` too. True in the authors'
            code (``V <- 0.25 V + 0.75 X``), False in MS-ResNet's
            (``V <- 0.25 V + X``).
        v_threshold: Firing threshold. Defaults to 1.
        surrogate: ``type`` names a surrogate function of spikingjelly, the
            rest are its arguments. Defaults to ``ATan`` with alpha 2.
        backend: ``'auto'`` runs Triton kernels on a GPU where they serve,
            see :mod:`~respike_mm.models.common.lif_backend`; ``'torch'``
            PyTorch's operations everywhere. Defaults to ``'auto'``.

    Raises:
        ValueError: If ``tau <= 1``, or infinite with ``decay_input``,
            ``v_threshold <= 0``, spikingjelly has no such surrogate in closed
            form or it is not one of hard spikes, or ``backend`` is another.
    """

    def __init__(self,
                 tau: float = 4 / 3,
                 decay_input: bool = True,
                 v_threshold: float = 1.,
                 surrogate: dict = dict(type='ATan', alpha=2.),
                 backend: str = 'auto') -> None:
        super().__init__()
        if backend not in BACKENDS:
            raise ValueError(f'LIFNeuron: backend must be one of {BACKENDS}, '
                             f'got {backend!r}')
        self.backend = backend
        if not tau > 1:  # nor NaN
            raise ValueError(f'LIFNeuron: tau must exceed 1, got {tau}')
        if decay_input and isinf(tau):
            raise ValueError('LIFNeuron: tau=inf scales the input to nothing; '
                             'set decay_input=False')
        if not v_threshold > 0:
            raise ValueError('LIFNeuron: v_threshold must be positive, got '
                             f'{v_threshold}')
        self.params = LIFParameters(
            decay=1 - 1 / tau,
            gain=1 / tau if decay_input else 1.,
            v_threshold=v_threshold)
        options = dict(surrogate)
        self.surrogate = build_surrogate(options.pop('type'), **options)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of all time steps.

        Args:
            x: Inputs ``[S, ...]``, time first.

        Returns:
            Zeros and ones of the shape and dtype of ``x``.
        """
        backend = choose_backend(self.backend, x, type(self.surrogate))
        if torch.is_grad_enabled() and x.requires_grad:
            recipe = None
            if not torch.compiler.is_compiling():
                recipe = recipe_of(x)
            return _LIFFunction.apply(x, recipe, self.params, self.surrogate,
                                      backend)
        return backend.spikes(x, self.params)

    def extra_repr(self) -> str:
        params = self.params._asdict()
        return ', '.join(f'{k}={v:g}' for k, v in params.items())
