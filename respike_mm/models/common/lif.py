"""Leaky integrate-and-fire neuron (ReSpike section 3, equations 1-5).

Notation: ``S`` time steps, ``X`` input, ``V`` membrane potential after the
reset, ``H`` membrane potential before it, ``O`` spikes.

    charge  H[t] = decay * V[t-1] + gain * X[t]
    fire    O[t] = 1 if H[t] >= v_threshold else 0
    reset   V[t] = H[t] * (1 - O[t])                     (hard reset to zero)
"""
import inspect
import math
from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from spikingjelly.activation_based import surrogate as surrogates
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .lif_backend import BACKENDS, Backend, triton_backend

threshold_backward = torch.ops.aten.threshold_backward


class LIFParameters(NamedTuple):
    """Constants of the membrane equation, see the module's docstring."""
    decay: float
    gain: float
    v_threshold: float


def negative_membrane(x: Tensor, params: LIFParameters) -> Tensor:
    """``-H`` of every time step, from rest.

    The sign makes the reset one vectorised pass: ``threshold(-H, -v, 0)``
    keeps what lies below the threshold ``v`` and zeroes the rest, which a
    mask and ``masked_fill`` do many times slower.

    Args:
        x: Inputs of all time steps, ``[S, ...]``.
        params: Constants of the membrane equation.

    Returns:
        The shape of ``x``; float32 where ``x`` is narrower, since the
        potential accumulates over time.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    membrane = torch.empty_like(x, dtype=wide)
    previous = None
    for step, h in zip(x, membrane):
        torch.mul(step.to(wide), -params.gain, out=h)
        if previous is not None:
            v = F.threshold(previous, -params.v_threshold, 0.)
            h.add_(v, alpha=params.decay)
        previous = h
    return membrane


def lif_spikes(x: Tensor, params: LIFParameters) -> Tensor:
    """Zeros and ones of the shape and dtype of ``x``, ``[S, ...]``."""
    if torch.compiler.is_exporting():  # ``out=`` would fix the batch size
        return _stepped_spikes(x, params)
    spikes = torch.empty_like(x)
    for spike, h in zip(spikes, negative_membrane(x, params)):
        # Straight to numbers: a boolean tensor in between is slow, and so is
        # an output of another type than the input.
        spike.copy_(torch.le(h, -params.v_threshold, out=h))
    return spikes


def lif_step(x: Tensor, v: Optional[Tensor],
             params: LIFParameters) -> Tuple[Tensor, Tensor]:
    """One time step with explicit state, for inference.

    Args:
        x: Input of the step.
        v: Membrane potential ``V`` that the step before left; None for rest.
        params: Constants of the membrane equation.

    Returns:
        Spikes of the shape and dtype of ``x``, and the new ``V``, float32
        where ``x`` is narrower. Step after step they equal
        :func:`lif_spikes` of the sequence, bit for bit.
    """
    h = x.to(torch.promote_types(x.dtype, torch.float32)) * params.gain
    if v is not None:
        h = h.add(v, alpha=params.decay)
    spikes = (h >= params.v_threshold).to(h.dtype)
    # H * (1 - O) in one pass, exactly zero where it fired.
    return spikes.to(x.dtype), torch.addcmul(h, h, spikes, value=-1)


def _stepped_spikes(x: Tensor, params: LIFParameters) -> Tensor:
    """Steps are cut out of the batch axis, which runtimes do in any layout;
    a fifth axis would cost OpenVINO a copy around every convolution."""
    num_steps, batch = x.shape[:2]
    maps, v, spikes = x.flatten(0, 1), None, []
    for t in range(num_steps):
        out, v = lif_step(maps[t * batch:(t + 1) * batch], v, params)
        spikes.append(out)
    return torch.cat(spikes).unflatten(0, (num_steps, batch))


def surrogate_gradient(surrogate: surrogates.SurrogateFunctionBase,
                       grad: Tensor, x: Tensor) -> Tensor:
    """``grad`` times the surrogate's derivative at ``x``, in closed form."""
    if type(surrogate) is surrogates.ATan:
        # a / 2 / (1 + (pi / 2 a x)^2), in two passes instead of six.
        half = surrogate.alpha / 2
        denominator = torch.addcmul(
            x.new_full((), 1 / half), x, x, value=math.pi**2 * half)
        return torch.div(grad, denominator, out=denominator)
    names = list(inspect.signature(surrogate.backward).parameters)[2:]
    return surrogate.backward(grad, x,
                              **{k: getattr(surrogate, k) for k in names})


def input_gradient(x: Tensor, grad_spikes: Tensor, params: LIFParameters,
                   surrogate: surrogates.SurrogateFunctionBase) -> Tensor:
    """Gradient of the inputs, by the surrogate and through the membrane.

    Args:
        x: Inputs of all time steps, ``[S, ...]``.
        grad_spikes: Gradient of the spikes, the shape of ``x``.
        params: Constants of the membrane equation.
        surrogate: Stands for the derivative of the spikes.

    Returns:
        The shape and dtype of ``x``.
    """
    decay, gain, v_threshold = params
    membrane = negative_membrane(x, params)
    carried = None
    for t in reversed(range(len(x))):
        h = membrane[t]  # -H
        # dO/dH by the surrogate; the reset is detached: dV/dH = 1 - O.
        grad = surrogate_gradient(surrogate, grad_spikes[t].to(h.dtype),
                                  torch.rsub(h, -v_threshold))
        if carried is not None:
            kept = threshold_backward(carried, h, -v_threshold)
            grad.add_(kept, alpha=decay)
        # The potential of this step has served: its place is free.
        torch.mul(grad, gain, out=h)
        carried = grad
    return membrane.to(x.dtype)


TORCH = Backend(lif_spikes, input_gradient)


class _LIFFunction(torch.autograd.Function):
    """Spikes of all time steps; saves its input for the backward pass.

    spikingjelly's multi-step node unrolls the loop into the autograd graph
    and keeps at least two tensors per step. The input alone determines the
    membrane, which is cheap to run again; in half precision it is half the
    size, and other layers often keep the same tensor. ``tools/
    analysis_tools/benchmark_lif.py`` prints time and bytes side by side.
    """

    @staticmethod
    def forward(ctx, x: Tensor, params: LIFParameters,
                surrogate: surrogates.SurrogateFunctionBase,
                backend: Backend) -> Tensor:
        ctx.save_for_backward(x)
        ctx.params, ctx.surrogate, ctx.backend = params, surrogate, backend
        return backend.spikes(x, params)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_spikes: Tensor):
        x, = ctx.saved_tensors
        grad = ctx.backend.input_gradient(x, grad_spikes, ctx.params,
                                          ctx.surrogate)
        return grad, None, None, None


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
        ValueError: If ``tau <= 1``, ``v_threshold <= 0``, spikingjelly has
            no such surrogate in closed form, or ``backend`` is another.
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
        if not v_threshold > 0:
            raise ValueError('LIFNeuron: v_threshold must be positive, got '
                             f'{v_threshold}')
        self.params = LIFParameters(
            decay=1 - 1 / tau,
            gain=1 / tau if decay_input else 1.,
            v_threshold=v_threshold)
        surrogate = dict(surrogate)
        name = surrogate.pop('type')
        cls = getattr(surrogates, name, None)
        if not (isinstance(cls, type)
                and issubclass(cls, surrogates.SurrogateFunctionBase)
                and hasattr(cls, 'backward')):
            raise ValueError('LIFNeuron: spikingjelly has no surrogate '
                             f'function {name!r} with a closed-form gradient')
        self.surrogate = cls(**surrogate)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of all time steps.

        Args:
            x: Inputs ``[S, ...]``, time first.

        Returns:
            Zeros and ones of the shape and dtype of ``x``.
        """
        backend = TORCH
        if self.backend == 'auto':
            backend = triton_backend(x, type(self.surrogate)) or TORCH
        if torch.is_grad_enabled() and x.requires_grad:
            return _LIFFunction.apply(x, self.params, self.surrogate, backend)
        return backend.spikes(x, self.params)

    def extra_repr(self) -> str:
        params = self.params._asdict()
        return ', '.join(f'{k}={v:g}' for k, v in params.items())
