"""Energy and firing rates beside accuracy, during test and validation."""
from math import ceil
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Set

from mmaction.registry import HOOKS
from mmengine.dist import all_gather_object, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ...evaluation.energy import (EnergyConstants, EnergyMeter, EnergyReport,
                                  neuron_types, save_report)
from ...evaluation.energy.clips import clips_per_sample, pipeline_of
from ...evaluation.energy.measurement import Measurement


def spread(num_chosen: int, num_all: int) -> Set[int]:
    """Indices ``0 .. num_all - 1``, so many of them, evenly spaced."""
    num_chosen = min(num_chosen, num_all)
    return {i * num_all // num_chosen for i in range(num_chosen)}


def loader_batch_size(loader: DataLoader) -> int:
    """Samples of a batch of a data loader.

    Raises:
        ValueError: If neither the loader nor its batch sampler says.
    """
    # A loader with a batch sampler of its own has None.
    size = loader.batch_size or getattr(loader.batch_sampler, 'batch_size',
                                        None)
    if not size:
        raise ValueError(
            'EnergyHook: cannot tell how many batches num_samples are, since '
            'neither the data loader nor its batch sampler '
            f'({type(loader.batch_sampler).__name__}) has a batch_size; give '
            'the batch sampler that attribute')
    return size


def as_metrics(report: EnergyReport) -> Dict[str, float]:
    """The figures of a report that go beside the accuracy."""
    metrics = {
        f'energy/{rule}_mj': total['energy_mj']
        for rule, total in report.totals().items()
    }
    rates = report.firing_rates
    if rates:
        metrics['firing_rate/mean'] = sum(rates.values()) / len(rates)
    metrics.update({f'firing_rate/{k}': rate for k, rate in rates.items()})
    return metrics


@HOOKS.register_module()
class EnergyHook(Hook):
    """Measures energy per clip while a model is tested.

    Adds ``energy/RULE_mj``, ``firing_rate/mean`` and ``firing_rate/LAYER``
    to the metrics, hence to the log and the visualizer, and writes the whole
    report beside the log. Outputs and accuracy stay as they are, except that
    on CPUs large linear layers and 1x1 convolutions of observed steps may
    round differently. Test pipelines that crop larger pictures than
    validation (``ThreeCrop`` of 256 for 224) cost accordingly more a clip.

    Args:
        num_samples: Samples to measure, over all processes, rounded up to
            whole batches. Defaults to 100, as the paper. They are spread over
            the data set: annotation lists are sorted by class.
        rules: Counting rules, see ``docs/energy.md``.
        constants: Arguments of ``EnergyConstants``.
        phases: ``'test'``, ``'val'`` or both. Defaults to test alone.
        out: Name of the report's files in the log folder. None writes none.
        neurons: Types of spiking neurons beside ``LIFNeuron`` and
            spikingjelly's: names in the registry ``MODELS`` or import paths.

    Raises:
        ValueError: If there is no such phase or neuron, or nothing to
            measure; later if a batch sampler has no ``batch_size``, or two
            such hooks measure one phase.
    """

    # Before the logger, which prints what is reported here.
    priority = 'NORMAL'

    def __init__(self,
                 num_samples: int = 100,
                 rules: Sequence[str] = ('paper', 'strict'),
                 constants: Optional[dict] = None,
                 phases: Sequence[str] = ('test', ),
                 out: Optional[str] = 'energy',
                 neurons: Sequence[str] = ()) -> None:
        if not set(phases) <= {'val', 'test'}:
            raise ValueError('EnergyHook: phases must be among val and test, '
                             f'got {tuple(phases)}')
        if num_samples < 1:
            raise ValueError('EnergyHook: num_samples must be positive, got '
                             f'{num_samples}')
        self.num_samples = num_samples
        self.rules = tuple(rules)
        self.constants = EnergyConstants(**constants or {})
        self.phases = tuple(phases)
        self.out = out
        self.neurons = neuron_types(neurons)
        self._meter: Optional[EnergyMeter] = None
        self._batches: Set[int] = set()
        self._clips = 1

    def before_run(self, runner: Runner) -> None:
        for hook in runner.hooks:
            shared = isinstance(hook, EnergyHook) and [
                phase for phase in hook.phases if phase in self.phases]
            if shared and hook is not self:
                # Meters inside each other would count each other.
                raise ValueError(f'two EnergyHooks both measure {shared}; '
                                 'give one all the rules')

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        if mode not in self.phases:
            return
        loader = getattr(runner, f'{mode}_dataloader')
        size = loader_batch_size(loader) * get_world_size()
        self._batches = spread(ceil(self.num_samples / size), len(loader))
        self._meter = EnergyMeter(runner.model, self.neurons)
        self._clips = clips_per_sample(pipeline_of(loader.dataset))

    def _before_iter(self,
                     runner: Runner,
                     batch_idx: int,
                     data_batch: DATA_BATCH = None,
                     mode: str = 'train') -> None:
        """Have this one step observed, and neither the loader nor metrics."""
        if mode not in self.phases or batch_idx not in self._batches:
            return
        name, meter, clips = f'{mode}_step', self._meter, self._clips
        step = getattr(runner.model, name)

        def observed_step(data: Any) -> Any:
            # Once: the model has its own method back even if it raises.
            delattr(runner.model, name)
            with meter.observe_batch(data, clips):
                return step(data)

        setattr(runner.model, name, observed_step)

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        self._report(runner, metrics, 'val')

    def after_test_epoch(self,
                         runner: Runner,
                         metrics: Optional[Dict[str, float]] = None) -> None:
        self._report(runner, metrics, 'test')

    def _report(self, runner: Runner, metrics: Optional[Dict[str, float]],
                mode: str) -> None:
        if mode not in self.phases:
            return
        parts = all_gather_object(self._meter.measurement)
        report = EnergyReport.of(Measurement().merge(parts), self.rules,
                                 self.constants)
        added = as_metrics(report)
        if metrics is not None:
            metrics.update(added)
        for name, value in added.items():
            runner.message_hub.update_scalar(f'{mode}/{name}', value)
        for row in report.unknown_rows():
            runner.logger.warning(
                f'EnergyHook does not know {row["op"]}, which ran '
                f'{row["calls"]} times in {row["layers"]}; the energy '
                'leaves it out')
        if self.out and is_main_process():
            paths = save_report(report,
                                Path(runner.log_dir) / self.out,
                                f'Energy: {runner.experiment_name}')
            runner.logger.info('Energy of '
                               f'{report.measurement.samples} samples: '
                               f'{paths[1]}')
