"""Leaky integrate-and-fire neuron (ReSpike section 3, equations 1-5).

Notation: ``S`` time steps, ``X`` input, ``V`` membrane potential after the
reset, ``H`` membrane potential before it, ``O`` spikes.

    charge  H[t] = decay * V[t-1] + gain * X[t]
    fire    O[t] = 1 if H[t] >= v_threshold else 0
    reset   V[t] = H[t] * (1 - O[t])                     (hard reset to zero)
"""
import inspect
from typing import NamedTuple

import torch
from mmaction.registry import MODELS
from spikingjelly.activation_based import surrogate as surrogates
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class LIFParameters(NamedTuple):
    """Constants of the membrane equation, see the module's docstring."""
    decay: float
    gain: float
    v_threshold: float


def lif_membrane(x: Tensor, params: LIFParameters) -> Tensor:
    """Membrane potential before the reset at every step, from rest.

    Args:
        x: Inputs of all time steps, ``[S, ...]``.
        params: Constants of the membrane equation.

    Returns:
        ``H`` of the shape of ``x``; float32 where ``x`` is narrower, since
        the potential accumulates over time.
    """
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    h = torch.empty_like(x)
    # One step at a time also where steps are independent: a step fits the
    # cache where the whole sequence does not (the backward pass likewise).
    for t in range(h.shape[0]):
        torch.mul(x[t], params.gain, out=h[t])
        if t > 0:
            v = h[t - 1].masked_fill(h[t - 1] >= params.v_threshold, 0.)
            h[t].add_(v, alpha=params.decay)
    return h


def surrogate_gradient(surrogate: surrogates.SurrogateFunctionBase,
                       grad: Tensor, x: Tensor) -> Tensor:
    """``grad`` times the surrogate's derivative at ``x``, in closed form."""
    names = list(inspect.signature(surrogate.backward).parameters)[2:]
    return surrogate.backward(grad, x,
                              **{k: getattr(surrogate, k) for k in names})


class _LIFFunction(torch.autograd.Function):
    """Spikes of all time steps; saves one tensor for the backward pass.

    spikingjelly's multi-step node unrolls the loop into the autograd graph
    and keeps at least two tensors per step. ``H`` alone determines both the
    spikes and the surrogate gradient; ``tools/analysis_tools/
    benchmark_lif.py`` prints time and bytes of the two side by side.
    """

    @staticmethod
    def forward(ctx, x: Tensor, params: LIFParameters,
                surrogate: surrogates.SurrogateFunctionBase) -> Tensor:
        h = lif_membrane(x, params)
        ctx.save_for_backward(h)
        ctx.params, ctx.surrogate, ctx.dtype = params, surrogate, x.dtype
        return (h >= params.v_threshold).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_spike: Tensor):
        h, = ctx.saved_tensors
        decay, gain, v_threshold = ctx.params
        grad_x = torch.empty_like(h)
        grad_h = None
        for t in reversed(range(h.shape[0])):
            # dO/dH by the surrogate; the reset is detached: dV/dH = 1 - O.
            grad = surrogate_gradient(ctx.surrogate,
                                      grad_spike[t].to(h.dtype),
                                      h[t] - v_threshold)
            if grad_h is not None:
                grad_h = grad_h.masked_fill_(h[t] >= v_threshold, 0.)
                grad.add_(grad_h, alpha=decay)
            torch.mul(grad, gain, out=grad_x[t])
            grad_h = grad
        return grad_x.to(ctx.dtype), None, None


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

    Raises:
        ValueError: If ``tau <= 1``, ``v_threshold <= 0`` or spikingjelly has
            no such surrogate in closed form.
    """

    def __init__(self,
                 tau: float = 4 / 3,
                 decay_input: bool = True,
                 v_threshold: float = 1.,
                 surrogate: dict = dict(type='ATan', alpha=2.)) -> None:
        super().__init__()
        if tau <= 1:
            raise ValueError(f'LIFNeuron: tau must exceed 1, got {tau}')
        if v_threshold <= 0:
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
        if torch.is_grad_enabled() and x.requires_grad:
            return _LIFFunction.apply(x, self.params, self.surrogate)
        return (lif_membrane(x, self.params) >= self.params.v_threshold).to(
            x.dtype)

    def extra_repr(self) -> str:
        params = self.params._asdict()
        return ', '.join(f'{k}={v:g}' for k, v in params.items())
