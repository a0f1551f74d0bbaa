"""The two passes of the LIF neuron (ReSpike section 3, equations 1-5).

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
from spikingjelly.activation_based import surrogate as surrogates
from torch import Tensor

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


def surrogate_gradient(surrogate: surrogates.SurrogateFunctionBase,
                       grad: Tensor, x: Tensor) -> Tensor:
    """``grad`` times the surrogate's derivative at ``x``, in closed form."""
    if type(surrogate) is surrogates.ATan:
        # a / 2 / (1 + (pi / 2 a x)^2), in two passes instead of six.
        half = surrogate.alpha / 2
        denominator = torch.addcmul(
            x.new_full((), 1 / half), x, x, value=math.pi**2 * half)
        return grad / denominator
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
