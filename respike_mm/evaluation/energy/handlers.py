"""Handlers: from an aten operation's arguments to its :class:`Work`."""
from math import ceil, log2, prod
from typing import (Any, Callable, Collection, List, Mapping, NamedTuple,
                    Optional)

from torch import Tensor, nn

from . import layers, synapses
from .work import Work


class Call(NamedTuple):
    """One operation as it ran.

    Args:
        args, kwargs: Its arguments.
        out: Its output.
        module: The innermost module that was running.
        floats: Weighted sums of the module that have met floats already, so
            that spikes among further inputs would not matter.
    """
    args: tuple
    kwargs: Mapping[str, Any]
    out: Any
    module: nn.Module
    floats: Collection[str] = ()

    @property
    def inputs(self) -> int:
        """Elements of the first argument."""
        return self.args[0].numel()

    def look(self, op: str) -> bool:
        """Whether to look for spikes in a weighted sum."""
        return op not in self.floats

    @property
    def outputs(self) -> int:
        """Elements of the (first) output."""
        out = self.out
        while isinstance(out, (tuple, list)):
            out = out[0]
        return out.numel()


Handler = Callable[[Call], List[Work]]


def elementwise(op: str, **per_output: int) -> Handler:
    """A handler of operations that cost the same for every output."""

    def count(call: Call) -> List[Work]:
        size = call.outputs
        cost = {name: times * size for name, times in per_output.items()}
        return [Work(op, inputs=size, outputs=size, **cost)]

    return count


def addition(call: Call) -> List[Work]:
    """``x + alpha * y``."""
    scaled = call.kwargs.get('alpha', 1) not in (1, -1)
    cost = dict(macs=1) if scaled else dict(adds=1)
    return elementwise('add', **cost)(call)


def power(call: Call) -> List[Work]:
    """Squares and cubes are multiplications."""
    exponent = call.args[1]
    cost = {2: dict(muls=1), 3: dict(muls=2)}.get(
        exponent if isinstance(exponent, (int, float)) else None,
        dict(specials=1))
    return elementwise('power', **cost)(call)


def convolution(call: Call) -> List[Work]:
    return [synapses.conv(*call.args[:9], call.out, call.look('conv'))]


def matrix_product(call: Call) -> List[Work]:
    """``x @ y``; ``y`` holds weights where a linear layer is running."""
    x, y = call.args[:2]
    x = x.unsqueeze(0) if x.dim() == 1 else x
    y = y.unsqueeze(1) if y.dim() == 1 else y
    linear = isinstance(call.module, nn.Linear)
    op = 'linear' if linear else 'matmul'
    look = call.look(op)
    return [synapses.product(op, x, y, look, look and not linear)]


def biased_product(call: Call) -> List[Work]:
    """``bias + x @ y``."""
    bias = call.args[0].numel()
    works = matrix_product(call._replace(args=call.args[1:]))
    works[0].adds += call.outputs
    works[0].weight_words += bias
    return works


def attention(call: Call) -> List[Work]:
    # Where the mask stands differs between back-ends.
    masks = [*call.args[3:4], *call.kwargs.values()]
    masked = any(isinstance(x, Tensor) for x in masks)
    return synapses.attention(*call.args[:3], masked, call.look)


def softmax(call: Call) -> List[Work]:
    x, dim = call.args[:2]
    return [synapses.softmax(x.numel(), x.numel() // x.shape[dim])]


def batch_norm(training_index: Optional[int]) -> Handler:
    """``training_index``: the argument that says so; None where none does."""

    def count(call: Call) -> List[Work]:
        training = training_index is not None and call.args[training_index]
        affine = call.args[1] is not None
        return [layers.batch_norm(call.inputs, affine, bool(training))]

    return count


def layer_norm(call: Call) -> List[Work]:
    _, shape, weight = call.args[:3]
    size = call.inputs
    return [layers.sample_norm('layer norm', size, size // prod(shape),
                               weight is not None)]


def group_norm(call: Call) -> List[Work]:
    x, weight, groups = call.args[0], call.args[1], call.args[6]
    return [layers.sample_norm('group norm', x.numel(), x.shape[0] * groups,
                               weight is not None)]


def pool(axes: int, average: bool) -> Handler:
    formula = layers.average_pool if average else layers.max_pool

    def count(call: Call) -> List[Work]:
        kernel = call.args[1]
        window = prod(kernel if len(kernel) == axes else kernel * axes)
        return [formula(call.inputs, call.outputs, window)]

    return count


def adaptive_pool(average: bool, in_baseline: bool = False) -> Handler:
    """``in_baseline``: the paper's counter takes every pooled element."""
    formula = layers.average_pool if average else layers.max_pool

    def count(call: Call) -> List[Work]:
        # Windows of several sizes: their mean, rounded up.
        window = ceil(call.inputs / call.outputs)
        work = formula(call.inputs, call.outputs, window)
        work.baseline_flops = call.inputs if in_baseline else 0
        return [work]

    return count


def reduction(op: str, scaled: bool) -> Handler:

    def count(call: Call) -> List[Work]:
        work = layers.reduction(op, call.inputs, call.outputs, scaled)
        # What torch makes of an adaptive pooling to a single cell.
        if call.args[1:] in (([-1, -2], True), ([-1, -2, -3], True)):
            work.op = 'average pool'
            if len(call.args[1]) == 2:  # the counter knows no 3-D pooling
                work.baseline_flops = call.inputs
        return [work]

    return count


def fold(call: Call) -> List[Work]:
    """Sums of overlapping patches; whole ones are counted at the border."""
    return [Work('fold', inputs=call.inputs, outputs=call.outputs,
                 adds=max(0, call.inputs - call.outputs))]


def extreme(call: Call) -> List[Work]:
    """Reductions by comparison."""
    return [Work('extreme', inputs=call.inputs, outputs=call.outputs,
                 compares=max(0, call.inputs - call.outputs))]


def sorting(call: Call) -> List[Work]:
    """``n log n`` comparisons."""
    size = call.inputs
    return [Work('sort', inputs=size, outputs=call.outputs,
                 compares=size * ceil(log2(max(2, size))))]


def spread(call: Call) -> List[Work]:
    """Variance or norm: sum, difference and square of every element."""
    size = call.inputs
    return [Work('variance', inputs=size, outputs=call.outputs,
                 adds=2 * size, macs=size, specials=call.outputs)]


def interpolate(taps: int, baseline_taps: int = 0) -> Handler:
    """``baseline_taps``: what the paper's counter takes for each output."""

    def count(call: Call) -> List[Work]:
        work = layers.interpolate(call.inputs, call.outputs, taps)
        work.baseline_flops = baseline_taps * call.outputs
        return [work]

    return count
