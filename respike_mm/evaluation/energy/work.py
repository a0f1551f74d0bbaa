"""What one operation computes, and what a layer computed in all of them."""
from dataclasses import dataclass, field, fields
from typing import Set

# Fields that describe one presentation of a layer, not a sum over calls.
_PER_PRESENTATION = ('input_words', 'weight_words', 'kernel_words',
                     'output_words')


@dataclass
class Work:
    """Arithmetic of one or several calls of an operation.

    Args:
        op: What it is, such as ``'conv'`` or ``'batch norm'``.
        kind: What drives a weighted sum: ``'float'``, ``'spike'`` (all values
            0 or 1) or ``'silent'`` (all values 0, which fits both). Empty for
            every other operation.
        macs: Multiply-accumulates of the dense weighted sum, zero padding
            included (paper, eq. 9), or of other arithmetic.
        accumulates: Additions that the spikes of a spike-driven sum cause,
            each at its actual fan-out.
        spikes: Ones among the driving inputs, or that a neuron emitted.
        inputs: Elements read.
        outputs: Elements written.
        adds: Additions and subtractions, biases included.
        muls: Multiplications without an addition.
        compares: Comparisons, selections and sign changes.
        specials: Divisions, roots, exponentials and the like.
        baseline_flops: What the counter behind the paper's baseline rows
            (fvcore's, which MMEngine carries) counts for the operation.
        input_words: Inputs of one presentation: one frame or time step of one
            sample, or one row of a matrix product.
        weight_words: Weights and biases, or the second operand of a matrix
            product.
        kernel_words: Output channels times kernel size of a convolution.
        output_words: Outputs of one presentation.
    """
    op: str
    kind: str = ''
    macs: int = 0
    accumulates: int = 0
    spikes: int = 0
    inputs: int = 0
    outputs: int = 0
    adds: int = 0
    muls: int = 0
    compares: int = 0
    specials: int = 0
    baseline_flops: int = 0
    input_words: int = 0
    weight_words: int = 0
    kernel_words: int = 0
    output_words: int = 0


_COUNTS = tuple(f.name for f in fields(Work)
                if f.name not in ('op', 'kind', *_PER_PRESENTATION))


@dataclass
class LayerRecord:
    """All calls of one operation in one module.

    Args:
        name: The module's name in the model; empty for the model itself.
        branch: The part of the model that the module belongs to.
        op: The operation.
        calls: How often it ran.
        kinds: The input kinds that its calls met.
        total: The calls' work, summed.
    """
    name: str
    branch: str
    op: str
    calls: int = 0
    kinds: Set[str] = field(default_factory=set)
    total: Work = field(default_factory=lambda: Work(''))

    def add(self, work: Work, calls: int = 1) -> None:
        """Add the work of a call."""
        self.calls += calls
        if work.kind:
            self.kinds.add(work.kind)
        mine, other = vars(self.total), vars(work)
        for name in _COUNTS:
            mine[name] += other[name]
        for name in _PER_PRESENTATION:
            mine[name] = max(mine[name], other[name])

    @property
    def kind(self) -> str:
        """``'float'`` as soon as one call met a float.

        A layer is built for the most general input it gets. Deciding over all
        calls also keeps the result independent of how clips are batched: a
        black clip on its own looks silent, in a batch with others it does not.
        """
        for kind in ('float', 'spike', 'silent'):
            if kind in self.kinds:
                return kind
        return ''

    @property
    def rate(self) -> float:
        """Spikes per input, or per neuron and time step of a neuron."""
        return self.total.spikes / self.total.inputs if self.driven else 0.

    @property
    def driven(self) -> bool:
        """Whether spikes drive the layer, or it is a neuron."""
        return self.op == 'neuron' or self.kind in ('spike', 'silent')


def is_weighted_sum(record: LayerRecord) -> bool:
    """Whether the record is a sum of products of two operands."""
    return bool(record.kinds)
