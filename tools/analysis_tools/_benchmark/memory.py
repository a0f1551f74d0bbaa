"""Memory of a step: what autograd keeps, and the highest total, by module.

Both are differences between two steps that differ in one clip, so that
weights, their gradients and their casts to half precision do not count.
"""
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from typing import Callable, Dict, Iterator, List, Tuple

import torch
from torch import Tensor, nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

MARK = 'benchmark'


def units(model: nn.Module) -> Dict[str, nn.Module]:
    """The modules that a table has a row for: the parts of the parts."""

    def walk(module: nn.Module, prefix: str, depth: int
             ) -> Iterator[Tuple[str, nn.Module]]:
        for name, child in module.named_children():
            if isinstance(child, (nn.ModuleDict, nn.ModuleList)):
                yield from walk(child, f'{prefix}{name}.', depth)
            elif depth and next(child.children(), None):
                yield from walk(child, f'{prefix}{name}.', depth - 1)
            elif next(child.parameters(), None) is not None:
                yield f'{prefix}{name}', child

    return dict(walk(model, '', 1))


def follow(stack: ExitStack, model: nn.Module,
           callback: Callable[[str, str, str], None]) -> None:
    """Call back with unit, ``forward`` or ``backward``, ``begin`` or ``end``.

    The backward pass of a unit begins with the gradient of its output and
    ends with that of its input.

    Args:
        stack: Its exit ends the following.
        model: What to follow.
        callback: What to call.
    """

    def on_gradient(value, name: str, what: str) -> None:
        tensor = value[-1] if isinstance(value, (tuple, list)) else value
        if isinstance(tensor, Tensor) and tensor.requires_grad:
            # Returns None: the gradient stays as it is.
            tensor.register_hook(lambda _: callback(name, 'backward', what))

    def begin(module, inputs, name):
        callback(name, 'forward', 'begin')
        on_gradient(inputs[0], name, 'end')

    def end(module, inputs, output, name):
        callback(name, 'forward', 'end')
        on_gradient(output, name, 'begin')

    for name, module in units(model).items():
        for handle in (
                module.register_forward_pre_hook(partial(begin, name=name)),
                # A checkpoint may break off its second run.
                module.register_forward_hook(
                    partial(end, name=name), always_call=True)):
            stack.callback(handle.remove)


def saved_bytes(model: nn.Module,
                forward: Callable[[], Tensor]) -> Dict[str, int]:
    """Bytes of the distinct storages that a forward pass keeps, by unit.

    What is kept between units belongs to the one before.
    """
    weights = {t.untyped_storage().data_ptr()
               for t in [*model.parameters(), *model.buffers()]}
    kept, running = {}, ['']

    def note(name: str, phase: str, what: str) -> None:
        if what == 'begin':
            running[0] = name

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept.setdefault(storage.data_ptr(), (running[0], storage.nbytes()))
        return tensor.detach()  # itself, an output would keep its own graph

    with ExitStack() as stack:
        follow(stack, model, note)
        stack.enter_context(
            torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t))
        out = forward()
    del out  # only now: an address in use cannot be handed out twice
    found = defaultdict(int)
    for name, size in kept.values():
        found[name] += size
    return found


def peak_bytes(model: nn.Module, step: Callable[[], None],
               device: torch.device) -> Dict[str, int]:
    """Highest total above that before the step, while each unit runs.

    The name ``''`` stands for the whole step.
    """

    def mark(name: str, phase: str, what: str) -> None:
        with record_function(f'{MARK} {phase} {what} {name}'):
            pass

    with ExitStack() as stack:
        follow(stack, model, mark)
        prof = stack.enter_context(
            profile(activities=[ProfilerActivity.CPU], profile_memory=True))
        step()
    events = prof.profiler.kineto_results.events()
    return _peaks(
        sorted(events, key=lambda event: event.start_ns()),
        dict(cpu=DeviceType.CPU, cuda=DeviceType.CUDA)[device.type])


def _peaks(events: List, device: DeviceType) -> Dict[str, int]:
    total, running, peaks = 0, {('', '')}, defaultdict(int)
    for event in events:
        if event.name().startswith(MARK):
            _, phase, what, name = event.name().split(' ', 3)
            change = running.add if what == 'begin' else running.discard
            change((phase, name))
        elif event.name() == '[memory]' and event.device_type() == device:
            total += event.nbytes()
            for _, name in running:
                peaks[name] = max(peaks[name], total)
    return peaks


def count_kernels(step: Callable[[], None]) -> int:
    """Kernels that a step launches on a GPU."""
    with profile(activities=[ProfilerActivity.CUDA]) as prof:
        step()
        torch.cuda.synchronize()
    return sum(event.device_type == DeviceType.CUDA
               and not event.name.startswith(('Memcpy', 'Memset'))
               for event in prof.events())


def per_clip(one: Dict[str, int], two: Dict[str, int]) -> Dict[str, float]:
    """MiB that a further clip adds, by unit."""
    return {
        name: (size - one.get(name, 0)) / 2**20
        for name, size in two.items()
    }
