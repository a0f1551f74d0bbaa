"""Our LIF neuron beside spikingjelly's: time and bytes kept for backward.

They run alternately in one process; the table quotes the median time of each,
its ratio to ours, and the bytes that autograd keeps from forward to backward.
On a GPU ours stands there twice, by Triton's kernels and by PyTorch's.
"""
import argparse
import statistics
import time
from typing import Callable

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor, nn

from respike_mm.models import LIFNeuron


def saved_bytes(node: Callable, x: Tensor) -> int:
    """Bytes of the distinct tensors that a forward pass keeps."""
    kept = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        out = node(x)
    # Freed only now: an address in use cannot be handed out twice.
    del out
    return sum(kept.values())


def seconds(node: nn.Module, x: Tensor) -> float:
    """One forward and backward pass."""
    start = time.perf_counter()
    node(x).sum().backward()
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


class SpikingJellyLIF(nn.Module):
    """spikingjelly's multi-step node, reset before every call."""

    def __init__(self) -> None:
        super().__init__()
        self.node = neuron.LIFNode(
            tau=4 / 3,
            surrogate_function=surrogate.ATan(),
            detach_reset=True,
            step_mode='m')

    def forward(self, x: Tensor) -> Tensor:
        self.node.reset()
        return self.node(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', type=int, nargs='+', default=[1, 3, 7, 15])
    parser.add_argument(
        '--shape', type=int, nargs='+', default=[8, 64, 56, 56])
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--dtype', default='float32',
                        choices=['float32', 'bfloat16', 'float16'])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    nodes = dict(ours=LIFNeuron(), spikingjelly=SpikingJellyLIF())
    if torch.device(args.device).type == 'cuda':
        nodes['ours, torch'] = LIFNeuron(backend='torch')
    dtype = getattr(torch, args.dtype)
    print(f'maps {args.shape}, {args.dtype}, {args.device}, {args.threads} '
          f'threads, median of {args.rounds} alternating rounds\n')
    print('| S | neuron | ms | ratio | kept MiB |')
    print('|---|---|---|---|---|')
    for steps in args.steps:
        x = torch.randn(steps, *args.shape, device=args.device, dtype=dtype)
        x.requires_grad_()
        times = {name: [] for name in nodes}
        for _ in range(args.rounds + 1):
            for name, node in nodes.items():
                x.grad = None
                times[name].append(seconds(node, x))
        medians = {k: statistics.median(t[1:]) for k, t in times.items()}
        for name, node in nodes.items():
            print(f'| {steps} | {name} | {medians[name] * 1e3:.1f} | '
                  f'{medians[name] / medians["ours"]:.2f} | '
                  f'{saved_bytes(node, x) / 2**20:.1f} |')


if __name__ == '__main__':
    main()
