"""The LIF neuron's two passes in operations that a compiler can follow.

The same arithmetic as :mod:`~respike_mm.models.common.lif_functional`, which
writes into views of its results: compilers do not follow that, exporters
would fix the batch size by it.
"""
import torch
from spikingjelly.activation_based import surrogate as surrogates
from torch import Tensor

from .lif_functional import LIFParameters, lif_step, surrogate_gradient


def spikes(x: Tensor, params: LIFParameters) -> Tensor:
    """Zeros and ones of the shape and dtype of ``x``, ``[S, ...]``.

    Steps are cut out of the batch axis, which runtimes do in any layout; a
    fifth axis would cost OpenVINO a copy around every convolution.
    """
    num_steps, batch = x.shape[:2]
    maps, v, out = x.flatten(0, 1), None, []
    for t in range(num_steps):
        step, v = lif_step(maps[t * batch:(t + 1) * batch], v, params)
        out.append(step)
    return torch.cat(out).unflatten(0, (num_steps, batch))


def input_gradient(x: Tensor, grad_spikes: Tensor, params: LIFParameters,
                   surrogate: surrogates.SurrogateFunctionBase) -> Tensor:
    """Gradient of the inputs, ``[S, ...]``, from that of the spikes."""
    decay, gain, v_threshold = params
    wide = torch.promote_types(x.dtype, torch.float32)
    membrane, v = [], None
    for step in x.unbind():
        h = step.to(wide) * gain
        if v is not None:
            h = h + decay * v
        membrane.append(h)
        v = h.where(h < v_threshold, 0.)
    grads, carried = [], None
    for h, grad in zip(reversed(membrane), reversed(grad_spikes.unbind())):
        grad = surrogate_gradient(surrogate, grad.to(wide), h - v_threshold)
        if carried is not None:
            grad = grad + decay * carried.where(h < v_threshold, 0.)
        grads.append(grad * gain)
        carried = grad
    return torch.stack(grads[::-1]).to(x.dtype)
