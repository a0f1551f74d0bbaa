"""Which module of a model is running, by the model's own names."""
from typing import Any, Callable, List, NamedTuple, Optional, Set, Tuple

from torch import nn
from torch.nn.modules.module import (register_module_forward_hook,
                                     register_module_forward_pre_hook)


class NeuronCalls(NamedTuple):
    """What to do about spiking neurons.

    Args:
        types: Their types.
        enter: Called before the outermost neuron runs.
        leave: Called with its name, the module and its output after it ran;
            the output is None where it raised.
    """
    types: Tuple[type, ...]
    enter: Callable[[], None]
    leave: Callable[[str, nn.Module, Any], None]


class RunningModules:
    """Follows the modules of one model through its forward passes.

    Stands in for spikingjelly's ``ActiveModuleTracker``, which names modules
    after the class of whatever was called first, keeps them in sets that do
    not tell which one is innermost, and logs a module that is called twice.

    Args:
        model: The model to follow.
        neurons: What to do about its neurons.
    """

    def __init__(self, model: nn.Module, neurons: NeuronCalls) -> None:
        self.model = model
        self.neurons = neurons
        self._names: dict = {}
        self._stack: List[Tuple[str, nn.Module]] = []
        self._neuron_depth = 0
        self._handles: list = []

    @property
    def current(self) -> Tuple[str, Optional[nn.Module]]:
        """Name and module that run now; ``('', None)`` outside the model."""
        return self._stack[-1] if self._stack else ('', None)

    @property
    def parents(self) -> Set[str]:
        """The one scope that spikingjelly's mode shall record under."""
        return {self.current[0]}

    @property
    def active_modules(self) -> List[nn.Module]:
        """All modules that run now, the outermost first."""
        return [module for _, module in self._stack]

    @property
    def idle(self) -> bool:
        """Whether no module of the model is running."""
        return not self._stack

    def __enter__(self) -> 'RunningModules':
        self._names = {m: name for name, m in self.model.named_modules()}
        self._stack.clear()
        self._neuron_depth = 0
        # Hooks of the process, not one on every module: two instead of
        # hundreds, and the model itself stays as it is.
        self._handles = [
            register_module_forward_pre_hook(self._enter_module),
            # Also where forward raises: the stack must not keep it.
            register_module_forward_hook(
                self._leave_module, always_call=True)
        ]
        return self

    def __exit__(self, *exc_info: Any) -> None:
        for handle in self._handles:
            handle.remove()

    def _enter_module(self, module: nn.Module, args: Any) -> None:
        name = self._names.get(module)
        if name is None:
            return
        self._stack.append((name, module))
        if isinstance(module, self.neurons.types):
            self._neuron_depth += 1
            if self._neuron_depth == 1:
                self.neurons.enter()

    def _leave_module(self, module: nn.Module, args: Any,
                      output: Any) -> None:
        if module not in self._names:
            return
        name, _ = self._stack.pop()
        if isinstance(module, self.neurons.types):
            self._neuron_depth -= 1
            if self._neuron_depth == 0:
                self.neurons.leave(name, module, output)
