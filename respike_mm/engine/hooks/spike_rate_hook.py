"""Firing rates of every neuron layer while a model trains."""
from contextlib import ExitStack
from typing import Dict, Optional

import torch
from mmaction.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner

from ...visualization.spikes import (Activity, Recorded, activity,
                                     channel_rates, record_spikes,
                                     spiking_layers)
from .bare_model import bare_model


@HOOKS.register_module()
class SpikeRateHook(Hook):
    """Writes firing rates to the visualizer and flags odd layers in the log.

    Every ``interval`` iterations of training, ``firing_rate/LAYER`` (spikes
    per neuron and time step) and ``silent_channels/LAYER`` (share of channels
    that never fired on the batch) go to all backends of the visualizer. A
    layer that becomes dead or saturated, or recovers, is one line in the log.
    Where training is compiled, these iterations run eagerly: compiled code
    calls no hooks of layers.

    Args:
        interval: In iterations. Defaults to 50.
        dead_below: Rate below which a layer is dead. Defaults to 0.001.
        saturated_above: Rate above which it is saturated. Defaults to 0.9.

    Raises:
        ValueError: If an argument is out of range; at the start of training
            if the model has no neuron layers; later if none of them is run.
    """

    priority = 'LOW'

    def __init__(self,
                 interval: int = 50,
                 dead_below: float = 0.001,
                 saturated_above: float = 0.9) -> None:
        if interval < 1:
            raise ValueError('SpikeRateHook: interval must be positive, got '
                             f'{interval}')
        if not 0 <= dead_below < saturated_above <= 1:
            raise ValueError(
                'SpikeRateHook: needs 0 <= dead_below < saturated_above <= 1, '
                f'got {dead_below} and {saturated_above}')
        self.interval = interval
        self.dead_below = dead_below
        self.saturated_above = saturated_above
        self._conditions: Dict[str, str] = {}
        self._recording: Optional[ExitStack] = None
        self._rates: Recorded = {}

    def before_train(self, runner: Runner) -> None:
        model = bare_model(runner)
        if not spiking_layers(model):
            raise ValueError(
                f'SpikeRateHook: {type(model).__name__} has no spiking '
                'layers; take the hook out of custom_hooks')

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: DATA_BATCH = None) -> None:
        if (runner.iter + 1) % self.interval == 0:
            self._recording = ExitStack()
            self._rates = self._recording.enter_context(
                record_spikes(bare_model(runner), channel_rates))
            self._recording.enter_context(
                torch.compiler.set_stance('force_eager'))

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: DATA_BATCH = None,
                         outputs: Optional[dict] = None) -> None:
        if self._recording is None:
            return
        self._recording.close()
        self._recording = None
        if not self._rates:
            raise ValueError(
                'SpikeRateHook: no spiking layer was called in iteration '
                f'{runner.iter + 1}, so there are no rates; use the layers '
                'in forward, or take the hook out of custom_hooks')
        layers = {}
        for name, calls in self._rates.items():
            rates = torch.stack(calls).mean(0)
            all_reduce(rates, op='mean')
            layers[name] = activity(rates)
        self._write(runner, layers)
        for name, layer in layers.items():
            self._flag(runner, name, layer)

    @staticmethod
    def _write(runner: Runner, layers: Dict[str, Activity]) -> None:
        scalars = {f'firing_rate/{k}': x.rate for k, x in layers.items()}
        scalars.update(
            {f'silent_channels/{k}': x.silent for k, x in layers.items()})
        runner.visualizer.add_scalars(scalars, step=runner.iter + 1)

    def _flag(self, runner: Runner, name: str, layer: Activity) -> None:
        """Log a layer whose condition is not what it was."""
        now = layer.condition(self.dead_below, self.saturated_above)
        if now == self._conditions.get(name, 'ok'):
            return
        self._conditions[name] = now
        log = runner.logger.info if now == 'ok' else runner.logger.warning
        log(f'{name} is {now}: {100 * layer.rate:.3g} % of its neurons fire '
            f'per time step, {100 * layer.silent:.0f} % of its channels never')
