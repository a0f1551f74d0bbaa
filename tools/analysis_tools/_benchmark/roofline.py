"""The least time that a device needs for a step, from its peak rates.

No operation of PyTorch takes less than its arithmetic at the peak rate, nor
less than reading its inputs and writing its outputs once at the peak
bandwidth. The larger of both, summed over the operations, is the roofline.
What runs outside of PyTorch's operations (the neuron's Triton kernels, what a
compiler fused) is not seen: a step's fraction of the roofline is then too low.
"""
from typing import Callable, List, Tuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


def _tensors(tree) -> List[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def traffic(func, inputs: List[Tensor], outputs: List[Tensor]) -> int:
    """Bytes that an operation has to move: none, if it makes a view.

    An expanded tensor counts as what it has in memory.
    """
    given = {t.untyped_storage().data_ptr() for t in inputs}
    is_view = not func._schema.is_mutable and all(
        t.untyped_storage().data_ptr() in given for t in outputs)
    if is_view or 'empty' in func.__name__:
        return 0
    return sum(min(t.nbytes, t.untyped_storage().nbytes())
               for t in [*inputs, *outputs])


class Roofline(TorchDispatchMode):
    """Adds up what runs inside.

    Args:
        flops_per_s: Peak rate; a multiplication and an addition are two.
        bytes_per_s: Peak bandwidth of the memory.

    Attributes:
        flops: Of convolutions, matrix products and attention.
        seconds: The roofline.
    """

    def __init__(self, flops_per_s: float, bytes_per_s: float) -> None:
        super().__init__()
        self.peaks = flops_per_s, bytes_per_s
        self.flops, self.seconds = 0, 0.

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        count = flop_registry.get(func._overloadpacket)
        flops = count(*args, **kwargs, out_val=out) if count else 0
        size = traffic(func, _tensors((args, kwargs)), _tensors(out))
        self.flops += flops
        self.seconds += max(flops / self.peaks[0], size / self.peaks[1])
        return out


def roofline(step: Callable[[], None], peaks: Tuple[float, float]) -> float:
    """Seconds of a step's roofline, or 0 where another runtime computes.

    Args:
        step: What to run.
        peaks: Operations and bytes a second.
    """
    # A mode is seen by its own thread alone, the backward pass has others.
    with torch.autograd.set_multithreading_enabled(False):
        with Roofline(*peaks) as counted:
            step()
    return counted.seconds if counted.flops else 0.
