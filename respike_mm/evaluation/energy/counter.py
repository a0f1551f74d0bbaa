"""Counts the operations of a model's forward passes into layer records."""
from collections import defaultdict
from typing import Any, Callable, DefaultDict, Set, Tuple

from spikingjelly.activation_based.op_counter import (BaseCounter,
                                                      DispatchCounterMode)
from torch import Tensor, nn
from torch.utils._python_dispatch import (TorchDispatchMode,
                                          _get_current_dispatch_mode)

from ...models.common.spike_conv import SpikeConv2d
from .handlers import Call
from .layers import neuron as neuron_work
from .measurement import Measurement
from .module_names import NeuronCalls, RunningModules
from .operations import look_up
from .spikes import count_ones
from .work import Work


class OperationCounter(BaseCounter):
    """spikingjelly counter that keeps a record per layer and operation.

    spikingjelly's own counters answer one question each (MACs, additions,
    synaptic operations) and test every operand for spikes once a counter;
    this one reads every operand once and answers them all.

    Args:
        branch_of: Branch of a module's name.

    Attributes:
        measurement: What was counted so far.
        running: Says which module is running; set by the mode.
    """

    def __init__(self, branch_of: Callable[[str], str]) -> None:
        super().__init__()
        self.branch_of = branch_of
        self.measurement = Measurement()
        self._floats: DefaultDict[str, Set[str]] = defaultdict(set)
        self.running: RunningModules

    def has_rule(self, func: Any) -> bool:
        # Nothing is skipped: what has no handler is reported by name.
        return True

    def count(self,
              func: Any,
              args: tuple,
              kwargs: dict,
              out: Any,
              active_modules: Any = None,
              parent_names: Any = None) -> int:
        """Record one operation; the dense multiply-accumulates of it."""
        name, module = self.running.current
        handler = look_up(func).handler
        if handler is None:
            self.measurement.unknown[str(func)][name] += 1
            return 0
        try:
            works = handler(
                Call(args, kwargs, out, module, self._floats[name]))
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            # Arguments that the handler does not expect: the report says so,
            # the evaluation goes on.
            self.measurement.unknown[f'{func} ({error})'][name] += 1
            return 0
        for work in works:
            self.add(name, work)
            if work.kind == 'float':
                self._floats[name].add(work.op)
        return sum(work.macs for work in works)

    def add(self, name: str, work: Work) -> None:
        """Add work to the record of a layer and operation."""
        self.measurement.add(name, self.branch_of(name), work)

    def add_neuron(self, name: str, module: nn.Module, out: Any) -> None:
        """Record a call of a neuron by what it returned.

        Multi-step neurons (``LIFNeuron``, or spikingjelly's with
        ``step_mode='m'``) return ``[S, N, ...]``, single-step ones
        ``[N, ...]``.
        """
        spikes = out[0] if isinstance(out, (tuple, list)) else out
        if not isinstance(spikes, Tensor):
            return
        multi_step = getattr(module, 'step_mode', 'm') == 'm'
        lead = spikes.shape[:2 if multi_step and spikes.dim() > 2 else 1]
        population = spikes.numel() // max(1, lead.numel())
        ones = 0 if spikes.is_meta else count_ones(spikes)
        self.add(name, neuron_work(spikes.numel(), ones, population))


class CountingMode(DispatchCounterMode):
    """spikingjelly's dispatch mode over one model's named modules.

    While a neuron runs the mode is off: a neuron is counted by its equations
    instead of by its operations, so that two implementations of it cost the
    same.

    Args:
        model: The model to follow.
        counter: What counts.
        neurons: Neuron types.
    """

    def __init__(self, model: nn.Module, counter: OperationCounter,
                 neurons: Tuple[type, ...]) -> None:
        super().__init__([counter])
        self.module_tracker = counter.running = RunningModules(
            model, NeuronCalls(neurons, self._pause, self._resume))
        self.counter = counter
        self._paused = self._removed = False

    def __exit__(self, *exc_info: Any) -> Any:
        self._put_back()
        return super().__exit__(*exc_info)

    def _pause(self) -> None:
        self._paused = True
        # Another mode may have come on top; then this one stays and idles.
        if _get_current_dispatch_mode() is self:
            TorchDispatchMode.__exit__(self, None, None, None)
            self._removed = True

    def _resume(self, name: str, module: nn.Module, out: Any) -> None:
        self.counter.add_neuron(name, module, out)
        self._put_back()

    def _put_back(self) -> None:
        if self._removed:
            TorchDispatchMode.__enter__(self)
        self._paused = self._removed = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self._paused:
            return func(*args, **kwargs)
        name, handler, moves = look_up(func)
        # Whatever else a SpikeConv2d does packs its input for the backward
        # pass.
        packs = 'conv' not in name and isinstance(
            self.module_tracker.current[1], SpikeConv2d)
        moves = moves or packs
        if moves or self.module_tracker.idle:
            measurement = self.counter.measurement
            (measurement.moved if moves else measurement.outside)[name] += 1
            return func(*args, **kwargs)
        if handler is None:
            # Under ``torch.inference_mode`` composite operations such as
            # ``linear`` arrive whole; their parts are known. Not ``with
            # self``: that would start spikingjelly's mode anew.
            TorchDispatchMode.__enter__(self)
            try:
                out = func.decompose(*args, **kwargs)
            finally:
                TorchDispatchMode.__exit__(self, None, None, None)
            if out is not NotImplemented:
                return out
        return super().__torch_dispatch__(func, types, args, kwargs)
