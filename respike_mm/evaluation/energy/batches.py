"""Size and shapes of the batches that the meter takes."""
from typing import Any, Set, Tuple

from torch import Tensor


def batch_size(batch: Any) -> int:
    """Samples of a batch: MMEngine's dict, a tensor, or tensors."""
    inputs = batch['inputs'] if isinstance(batch, dict) else batch
    if isinstance(inputs, dict):  # of modalities, all of the same samples
        inputs = next(iter(inputs.values()))
    if isinstance(inputs, Tensor):
        return inputs.shape[0]
    if inputs and isinstance(inputs[0], Tensor) and \
            not isinstance(batch, dict):
        return inputs[0].shape[0]
    return len(inputs)


def input_shapes(batch: Any) -> Set[Tuple[int, ...]]:
    """Shapes of the tensors of a sample, without the axis of the batch.

    Args:
        batch: As of :func:`batch_size`.

    Returns:
        One for every modality or argument; more where samples differ.
    """
    packed = isinstance(batch, dict)
    inputs = batch['inputs'] if packed else batch
    shapes = set()
    for part in inputs.values() if isinstance(inputs, dict) else [inputs]:
        if isinstance(part, Tensor):
            shapes.add(tuple(part.shape[1:]))
        elif isinstance(part, (list, tuple)):
            # A tensor a sample; without a dict, an argument, batch first.
            shapes.update(
                tuple(x.shape if packed else x.shape[1:]) for x in part
                if isinstance(x, Tensor))
    return shapes
