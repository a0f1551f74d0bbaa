"""The two passes of the LIF neuron as one Triton kernel each, for GPUs.

Inputs are read and outputs written once, and the membrane stays in registers.
The kernels of spikingjelly keep the membrane of every time step in float32
for the backward pass; these keep nothing beside the input, as the functions of
:mod:`~respike_mm.models.common.lif_functional` that they stand in for.

Only imported where a GPU is: Triton does not come with every PyTorch.

Notation: ``S`` time steps, ``n`` neurons, ``X`` input, ``V`` membrane
potential after the reset, ``H`` before it.
"""
import math
import sys

import torch
import triton
import triton.language as tl
from spikingjelly.activation_based import surrogate as surrogates
from torch import Tensor

from . import lif_functional as reference
from .lif_functional import LIFParameters

# Surrogates that the kernel knows, by the number it knows them under.
ATAN, RECT = 0, 1
SURROGATES = {surrogates.ATan: ATAN, surrogates.Rect: RECT}
# The backward pass holds H of every step in registers.
MAX_STEPS = 32
_EXACT_STEPS = 16  # of a trial, in float32
_BLOCK = 512


@triton.jit
def _charge(x_ptr, offsets, mask, v, DECAY: tl.constexpr, GAIN: tl.constexpr):
    x = tl.load(x_ptr + offsets, mask, 0.).to(v.dtype)
    return tl.fma(v, DECAY, x * GAIN)


@triton.jit
def _spikes_kernel(x_ptr, out_ptr, n, S: tl.constexpr, DECAY: tl.constexpr,
                   GAIN: tl.constexpr, THRESHOLD: tl.constexpr,
                   WIDE: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask, offsets = i < n, i
    v = tl.full([BLOCK], 0., WIDE)
    for _ in tl.static_range(S):
        h = _charge(x_ptr, offsets, mask, v, DECAY, GAIN)
        fires = h >= THRESHOLD
        tl.store(out_ptr + offsets,
                 tl.where(fires, 1., 0.).to(out_ptr.dtype.element_ty), mask)
        v = tl.where(fires, 0., h)
        offsets += n  # not t * n, which may not fit into 32 bits


@triton.jit
def _gradient_kernel(x_ptr, grad_ptr, out_ptr, n, S: tl.constexpr,
                     DECAY: tl.constexpr, GAIN: tl.constexpr,
                     THRESHOLD: tl.constexpr, SURROGATE: tl.constexpr,
                     ALPHA: tl.constexpr, SLOPE: tl.constexpr,
                     WIDE: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask, offsets = i < n, i
    v = tl.full([BLOCK], 0., WIDE)
    membrane = ()
    for _ in tl.static_range(S):
        h = _charge(x_ptr, offsets, mask, v, DECAY, GAIN)
        membrane = membrane + (h, )
        v = tl.where(h >= THRESHOLD, 0., h)
        offsets += n
    # dL/dH of the step behind; the reset is detached: dV/dH = 1 - O.
    carried = tl.full([BLOCK], 0., WIDE)
    for r in tl.static_range(S):
        h = membrane[S - 1 - r]
        offsets -= n
        grad = tl.load(grad_ptr + offsets, mask, 0.).to(WIDE)
        distance = h - THRESHOLD
        if SURROGATE == 0:  # ATan
            scaled = distance * SLOPE
            grad = grad * (0.5 * ALPHA) / (1. + scaled * scaled)
        else:  # Rect
            grad = tl.where(tl.abs(distance) < SLOPE, grad * ALPHA, 0.)
        carried = tl.fma(tl.where(distance >= 0., 0., carried), DECAY, grad)
        tl.store(out_ptr + offsets,
                 (carried * GAIN).to(out_ptr.dtype.element_ty), mask)


def spikes(x: Tensor, params: LIFParameters) -> Tensor:
    """``lif_spikes`` in one kernel.

    Args:
        x: Inputs of at most :data:`MAX_STEPS` time steps, ``[S, ...]``.
        params: Constants of the membrane equation.

    Returns:
        Zeros and ones of the shape and dtype of ``x``.
    """
    x = _steps_apart(x)
    out = torch.empty_like(x)
    _launch(_spikes_kernel, (x, out), params)
    return out


def input_gradient(
        x: Tensor, grad: Tensor, params: LIFParameters,
        surrogate: surrogates.SurrogateFunctionBase) -> Tensor:
    """Gradient of the inputs from that of the spikes, in one kernel.

    Args:
        x: The inputs of the forward pass, ``[S, ...]``.
        grad: Gradient of the spikes, the shape of ``x``.
        params: Constants of the membrane equation.
        surrogate: One of :data:`SURROGATES`.

    Returns:
        The shape and dtype of ``x``.
    """
    x = _steps_apart(x)
    if grad.stride() != x.stride():
        grad = torch.empty_like(x, dtype=grad.dtype).copy_(grad)
    out = torch.empty_like(x)
    kind, alpha = SURROGATES[type(surrogate)], float(surrogate.alpha)
    slope = math.pi / 2 * alpha if kind == ATAN else 0.5 / alpha
    _launch(_gradient_kernel, (x, grad, out), params, SURROGATE=kind,
            ALPHA=alpha, SLOPE=slope)
    return out


def _steps_apart(x: Tensor) -> Tensor:
    """``x`` with its time steps one after the other in memory, no gaps."""
    compact = torch.empty_like(x, device='meta').stride() == x.stride()
    return x if compact and x.stride(0) == x[0].numel() else x.contiguous()


def _launch(kernel, tensors, params, **constants) -> None:
    x = tensors[0]
    n = x[0].numel()
    if not n:
        return
    wide = tl.float64 if x.dtype == torch.float64 else tl.float32
    with torch.cuda.device_of(x):  # Triton launches on the current device
        kernel[(triton.cdiv(n, _BLOCK), )](
            *tensors, n, S=len(x), DECAY=params.decay, GAIN=params.gain,
            THRESHOLD=params.v_threshold, WIDE=wide, BLOCK=_BLOCK,
            **constants)


def objection(device: torch.device, dtype: torch.dtype, num_steps: int,
              surrogate: type) -> str:
    """Why these kernels do not serve; '' if they do.

    Among the reasons is that they do not run on this device, or differ from
    PyTorch's operations there: they are tried on a few numbers first.

    Args:
        device: Where the neuron is to run.
        dtype: Of its inputs.
        num_steps: Its time steps.
        surrogate: Class of its surrogate function.
    """
    if surrogate not in SURROGATES:
        return f'they lack the surrogate {surrogate.__name__}'
    if num_steps > MAX_STEPS:
        return f'{num_steps} time steps are more than {MAX_STEPS}'
    try:
        return _difference(device, dtype, num_steps, surrogate())
    except Exception as error:  # of a compiler and a driver: anything
        return f'{type(error).__name__}: {error}'


def _difference(device: torch.device, dtype: torch.dtype, num_steps: int,
                surrogate: surrogates.SurrogateFunctionBase) -> str:
    params = LIFParameters(0.5, 1., 1.)
    # Eighths, in an order of its own at each step: nothing is rounded while
    # a step adds one bit, so that no spike hangs on how.
    values = torch.arange(-24, 40, device=device)
    steps = 2 * torch.arange(num_steps, device=device)[:, None] + 1
    x = values.mul(steps).remainder(64).sub(24).div(8)
    x[_EXACT_STEPS:] = 0
    x = x.to(dtype)
    if not torch.equal(spikes(x, params), reference.lif_spikes(x, params)):
        return 'their spikes differ from PyTorch\'s'
    ours, expected = (
        module.input_gradient(x, x.flip(1), params, surrogate)
        for module in (sys.modules[__name__], reference))
    # In half precision, to its last bit.
    tolerance = max(1e-4, 2 * torch.finfo(dtype).eps)
    return '' if torch.allclose(ours, expected, tolerance, 1e-5) else \
        'their gradients differ from PyTorch\'s'
