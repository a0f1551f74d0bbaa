"""Counting of everything that is not a weighted sum, from sizes alone.

The figures are what the textbook formula of a layer needs; where a choice is
open it is stated. ``size`` is the number of elements.
"""
from .work import Work


def batch_norm(size: int, affine: bool, training: bool) -> Work:
    """Normalisation over the batch.

    In evaluation mean, variance, weight and bias of a channel are constants
    and fold into one multiply-accumulate an element. Statistics of the batch
    add a sum (mean), a difference and a multiply-accumulate (variance).

    The baseline counter has 5 (affine) or 4 an element in either mode: the
    paper's rows were counted in training mode, and a figure should not hang
    on the mode that the counter ran in.
    """
    return Work(
        'batch norm',
        inputs=size,
        outputs=size,
        macs=2 * size if training else size,
        adds=2 * size if training else 0,
        baseline_flops=(5 if affine else 4) * size)


def sample_norm(op: str, size: int, groups: int, affine: bool) -> Work:
    """Layer or group normalisation: statistics of every sample.

    Per element a sum (mean), a difference and a multiply-accumulate
    (variance), a multiply-accumulate (normalise) and one more where affine;
    per group a reciprocal root and two multiplications (mean, variance).
    """
    return Work(
        op,
        inputs=size,
        outputs=size,
        macs=(3 if affine else 2) * size,
        adds=2 * size,
        muls=2 * groups,
        specials=groups,
        baseline_flops=(5 if affine else 4) * size)


def max_pool(inputs: int, outputs: int, window: int) -> Work:
    """Full windows are counted at the border too."""
    return Work(
        'max pool',
        inputs=inputs,
        outputs=outputs,
        compares=outputs * (window - 1))


def average_pool(inputs: int, outputs: int, window: int) -> Work:
    """Full windows are counted at the border too; one scaling an output."""
    return Work(
        'average pool',
        inputs=inputs,
        outputs=outputs,
        adds=outputs * (window - 1),
        muls=outputs)


def reduction(op: str, inputs: int, outputs: int, scaled: bool) -> Work:
    """A sum over axes, with ``scaled`` a mean."""
    return Work(
        op,
        inputs=inputs,
        outputs=outputs,
        adds=inputs - outputs,
        muls=outputs if scaled else 0)


def interpolate(inputs: int, outputs: int, taps: int) -> Work:
    """``taps`` weighted neighbours of every output; one is a mere copy."""
    macs = outputs * taps if taps > 1 else 0
    return Work('interpolate', inputs=inputs, outputs=outputs, macs=macs)


def neuron(updates: int, spikes: int, population: int) -> Work:
    """A spiking neuron layer, whatever operations implement it.

    Per neuron and time step: one multiply-accumulate (leak and charge, eq. 1
    of the paper; a gain of the input is part of the layer in front), one
    comparison (fire, eq. 4) and one selection (reset, eq. 5).

    Args:
        updates: Neurons times time steps times batch.
        spikes: Spikes emitted.
        population: Neurons of one sample.
    """
    return Work(
        'neuron',
        inputs=updates,
        outputs=updates,
        macs=updates,
        compares=2 * updates,
        spikes=spikes,
        input_words=population,
        output_words=population)
