"""All that was observed of a model."""
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import DefaultDict, Dict, Iterable, Set, Tuple

from .work import LayerRecord, Work


@dataclass
class Measurement:
    """Counts over any number of forward passes; plain data that pickles.

    Args:
        samples: Samples (videos) that passed through the model.
        clips: The clips that they consist of.
        input_shapes: Shapes of the samples as they entered the model, with
            all clips and crops; empty where no batch was handed over.
        layers: The records, by layer name and operation, in the order in
            which they first ran.
        moved: Calls of every operation that has no arithmetic.
        outside: Calls of every operation that ran in no module of the model,
            such as a metric's.
        unknown: Calls of every operation that is in no table, by layer.
    """
    samples: int = 0
    clips: int = 0
    input_shapes: Set[Tuple[int, ...]] = field(default_factory=set)
    layers: Dict[Tuple[str, str], LayerRecord] = field(default_factory=dict)
    moved: Counter = field(default_factory=Counter)
    outside: Counter = field(default_factory=Counter)
    unknown: DefaultDict[str, Counter] = field(
        default_factory=lambda: defaultdict(Counter))

    def add(self, name: str, branch: str, work: Work) -> None:
        """Add work to the record of a layer and operation."""
        self._record(name, branch, work.op).add(work)

    def merge(self, parts: Iterable['Measurement']) -> 'Measurement':
        """Add what other processes measured on the same model."""
        for part in parts:
            self.samples += part.samples
            self.clips += part.clips
            self.input_shapes |= part.input_shapes
            for other in part.layers.values():
                record = self._record(other.name, other.branch, other.op)
                record.add(other.total, other.calls)
                record.kinds |= other.kinds
            self.moved += part.moved
            self.outside += part.outside
            for op, calls in part.unknown.items():
                self.unknown[op] += calls
        return self

    def _record(self, name: str, branch: str, op: str) -> LayerRecord:
        if (name, op) not in self.layers:
            self.layers[name, op] = LayerRecord(name, branch, op)
        return self.layers[name, op]
