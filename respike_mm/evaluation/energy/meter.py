"""The energy meter: observes forward passes of a model."""
import copy
from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator, Optional, Sequence, Tuple

import torch
from mmengine.model import is_model_wrapper
from torch import nn

from .batches import batch_size, input_shapes
from .constants import EnergyConstants
from .counter import CountingMode, OperationCounter
from .neurons import NEURONS
from .report import EnergyReport

# Children of HybridReSpike, and what the paper's table calls their parts.
_BRANCHES = {
    'backbone': 'ANN',
    'snn_backbone': 'SNN',
    'neck': 'cross-attention',
    'cls_head': 'head'
}


def branches_of(model: nn.Module) -> Callable[[str], str]:
    """The function from a module's name to its branch.

    A model with an ``snn_backbone`` somewhere inside (HybridReSpike, alone or
    wrapped) splits into ANN, SNN, cross-attention and head. Any other is one
    branch, ``'model'``; the data preprocessor is always apart.
    """
    names = [name for name, _ in model.named_modules()]
    hybrid = any('snn_backbone' in name.split('.') for name in names)

    def branch_of(name: str) -> str:
        for part in name.split('.'):
            if part == 'data_preprocessor':
                return 'preprocessing'
            if hybrid and part in _BRANCHES:
                return _BRANCHES[part]
        return 'model'

    return branch_of


class EnergyMeter:
    """Counts what a model does, without changing outputs or state.

    ::

        meter = EnergyMeter(model)
        with torch.no_grad(), meter.observe(num_samples=8):
            model.test_step(batch)
        print(to_markdown(meter.report()))

    Observed forward passes add up. Every aten operation between entering and
    leaving is seen, under autocast, ``no_grad`` and ``inference_mode``, and
    attributed to the innermost module of ``model`` that is running. What
    ``torch.compile`` has wrapped runs uncompiled meanwhile; exported graphs
    hide their operations and cannot be metered.

    Args:
        model: Any module; a distributed wrapper is looked through.
        neurons: Types of the spiking neurons; ``neuron_types`` adds some to
            those known.

    Attributes:
        measurement: What was counted so far.
    """

    def __init__(self,
                 model: nn.Module,
                 neurons: Tuple[type, ...] = NEURONS) -> None:
        self.model = model.module if is_model_wrapper(model) else model
        counter = OperationCounter(branches_of(self.model))
        self.measurement = counter.measurement
        self._mode = CountingMode(self.model, counter, neurons)
        self._observing = False

    @contextmanager
    def observe(self,
                num_samples: int,
                clips_per_sample: int = 1) -> Iterator[None]:
        """Count the forward passes inside.

        Args:
            num_samples: Samples (videos) that pass through the model inside.
            clips_per_sample: Clips times crops of each of them.

        Raises:
            RuntimeError: If the meter is observing already.
        """
        if self._observing:
            raise RuntimeError('EnergyMeter.observe() does not nest')
        self._observing = True
        before = copy.deepcopy(self.measurement)
        try:
            # Compiled code would run without the layers, if at all.
            with torch.compiler.set_stance('force_eager'), self._mode:
                yield
        except BaseException:
            # What a pass counted that did not end belongs to no clip.
            vars(self.measurement).update(vars(before))
            raise
        finally:
            self._observing = False
        self.measurement.samples += num_samples
        self.measurement.clips += num_samples * clips_per_sample

    @contextmanager
    def observe_batch(self,
                      batch: Any,
                      clips_per_sample: int = 1) -> Iterator[None]:
        """Count the forward passes of a batch; the report has its shapes.

        Args:
            batch: MMEngine's dict, a tensor, or tensors, batch first.
            clips_per_sample: Clips times crops of each sample.

        Raises:
            RuntimeError: If the meter is observing already.
        """
        with self.observe(batch_size(batch), clips_per_sample):
            yield
        self.measurement.input_shapes |= input_shapes(batch)

    def report(self,
               rules: Sequence[str] = ('paper', 'strict'),
               constants: EnergyConstants = EnergyConstants()
               ) -> EnergyReport:
        """Energy per clip under some rules.

        Args:
            rules: Names among ``respike_mm.evaluation.energy.RULES``.
            constants: Energy per operation.

        Raises:
            ValueError: If there is no rule of such a name.
            RuntimeError: If nothing was observed.
        """
        return EnergyReport.of(self.measurement, rules, constants)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, every module's own mode again outside."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def measure_energy(model: nn.Module,
                   batches: Iterable,
                   num_samples: int = 100,
                   forward: Optional[Callable[[Any], Any]] = None,
                   clips_per_sample: int = 1,
                   rules: Sequence[str] = ('paper', 'strict'),
                   constants: EnergyConstants = EnergyConstants(),
                   neurons: Tuple[type, ...] = NEURONS) -> EnergyReport:
    """Energy and firing rates of a model over some samples.

    Args:
        model: Any module. It runs in evaluation mode without gradients and
            is left as it was.
        batches: Batches of a dataloader (dicts, run through ``test_step``),
            or tensors or tuples of tensors, batch first (run through
            ``model``).
        num_samples: Stop after the batch that reaches this number. Defaults
            to 100, as the paper.
        forward: How to run one batch instead.
        clips_per_sample: Clips times crops of each sample.
        rules, constants: See :meth:`EnergyMeter.report`.
        neurons: See :class:`EnergyMeter`.

    Returns:
        The report; its ``samples`` says how many were measured.
    """

    def run(batch: Any) -> Any:
        if isinstance(batch, dict):
            return model.test_step(batch)
        return model(*batch) if isinstance(batch, (tuple, list)) else model(
            batch)

    meter = EnergyMeter(model, neurons)
    with evaluating(model), torch.no_grad():
        for batch in batches:
            with meter.observe_batch(batch, clips_per_sample):
                (forward or run)(batch)
            if meter.measurement.samples >= num_samples:
                break
    return meter.report(rules, constants)
