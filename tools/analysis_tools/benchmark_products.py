"""oneDNN or BLAS: who multiplies faster on this CPU?

    python tools/analysis_tools/benchmark_products.py \\
        configs/respike_r50_k400.py --out work_dirs/products

A hybrid recognizer's 1x1 convolutions, linear layers and the weight gradients
of its other convolutions can go either way; ``models/common/blas.py`` chooses
this CPU's. One training pass of a clip gives the shapes. Every
distinct one then runs both ways in turn, and the table adds up the medians.
"""
import argparse
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import _common  # noqa: E402

POINTWISE = '1x1 convolutions and linear layers'
SPIKES, OTHER = 'convolutions of spikes', 'convolutions of the ANN'
MANY = 2048  # tokens; with AVX2 alone the choice depends on it
Ways = Tuple[Callable, Callable]  # the same by oneDNN and by BLAS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--frames', type=int, default=16)
    parser.add_argument('--stride', type=int, default=4,
                        help='frames a segment')
    parser.add_argument('--crop', type=int, default=224)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', type=Path, help='path without suffix')
    _common.add_common_options(parser)
    return parser.parse_args()


def layer_shapes(cfg, args: argparse.Namespace) -> Counter:
    """How often which kind of layer meets which shapes in a pass of one clip.

    Keys are ``(kind, shape of the input, shape of the weight, stride)``.
    """
    import torch
    from mmaction.registry import MODELS
    from mmengine.registry import init_default_scope

    from respike_mm.models.common.convolution import Convolution
    from respike_mm.models.common.pointwise import Linear, PointwiseConv2d
    from respike_mm.models.common.spike_conv import SpikeConv2d
    kinds = {Linear: POINTWISE, PointwiseConv2d: POINTWISE,
             SpikeConv2d: SPIKES, Convolution: OTHER}
    init_default_scope('mmaction')
    model = MODELS.build(cfg.model).train()
    found = Counter()

    def note(module, args, out) -> None:
        found[kinds[type(module)], tuple(args[0].shape),
              tuple(module.weight.shape),
              getattr(module, 'stride', (1, ))[0]] += 1

    for module in model.modules():
        if type(module) in kinds:
            module.register_forward_hook(note)
    segments = args.frames // args.stride
    model(torch.randn(1, 1, segments, args.stride, 3, args.crop, args.crop),
          stage='head')
    return found


def weight_gradient_ways(shape: Tuple, kernel: Tuple, stride: int) -> Ways:
    """The gradient of a convolution's weight."""
    import torch

    from respike_mm.models.common.weight_gradient import (
        convolution_backward, weight_gradient)
    last = dict(memory_format=torch.channels_last)
    maps = (torch.rand(shape) < 0.15).float().contiguous(**last)
    weight = torch.randn(kernel).contiguous(**last)
    strides, padding = (stride, stride), tuple(k // 2 for k in kernel[2:])
    grad = torch.randn_like(torch.conv2d(maps, weight, None, strides,
                                         padding))
    return (lambda: convolution_backward(
        grad, maps, weight, None, strides, padding, (1, 1), False, (0, 0), 1,
        (False, True, False))[1],
            lambda: weight_gradient(maps, grad, kernel[2:], strides, padding))


def pointwise_ways(shape: Tuple, weight_shape: Tuple) -> Dict[str, Ways]:
    """Three products of tokens and a weight."""
    import torch
    import torch.nn.functional as F

    from respike_mm.models.common.weight_gradient import convolution_backward
    channels = weight_shape[1]
    tokens = torch.randn(torch.Size(shape).numel() // channels, channels)
    weight = torch.randn(weight_shape[:2])
    grad = torch.randn(len(tokens), len(weight))
    row, grad_row = (x[None, None].movedim(3, 1) for x in (tokens, grad))
    kernel = weight[:, :, None, None]

    def backward(*wanted: bool) -> List:
        return convolution_backward(grad_row, row, kernel, None, (1, 1),
                                    (0, 0), (2, 2), False, (0, 0), 1,
                                    (*wanted, False))

    return {
        'forwards': (lambda: F.conv2d(row, kernel, dilation=2).movedim(1, 3)[
            0, 0], lambda: F.linear(tokens, weight)),
        'gradients of inputs': (
            lambda: backward(True, False)[0].movedim(1, 3)[0, 0],
            lambda: grad @ weight),
        'gradients of weights': (
            lambda: backward(False, True)[1][:, :, 0, 0],
            lambda: grad.t() @ tokens),
    }


def measure(cfg, args: argparse.Namespace) -> List[Dict]:
    """CPU seconds of all layers of a kind, both ways."""
    import torch
    from _benchmark.timing import alternate, summary
    torch.set_num_threads(args.threads)
    totals = {}
    for (kind, shape, weight, stride), count in sorted(
            layer_shapes(cfg, args).items()):
        if kind == POINTWISE:
            many = torch.Size(shape).numel() // weight[1] >= MANY
            kind += f', {MANY} tokens or more' if many else ', fewer'
            products = pointwise_ways(shape, weight)
        else:
            products = {'gradients of weights': weight_gradient_ways(
                shape, weight, stride)}
        for name, ways in products.items():
            times = alternate(list(ways), 1, args.rounds, cuda=False)
            total = totals.setdefault(f'{kind}: {name}', [0., 0.])
            for i, taken in enumerate(times):
                total[i] += count * summary(taken)['cpu_s']
    return [dict(kind=kind, onednn_s=onednn, blas_s=blas)
            for kind, (onednn, blas) in totals.items()]


def main() -> None:
    args = parse_args()
    cfg = _common.load_config(args)
    import torch
    from _benchmark.machine import in_words, machine
    from _benchmark.report import table, write
    found = machine('cpu')
    report = dict(
        command=shlex.join([
            'python', 'tools/analysis_tools/benchmark_products.py',
            *sys.argv[1:]]),
        description=f'One clip, {args.frames} frames of {args.crop}x'
        f'{args.crop}, s={args.stride}, float32, {in_words(found)}, '
        f'{args.threads} CPU thread(s), torch {torch.__version__}; sums of '
        f'medians of {args.rounds}',
        machine=found,
        rows=measure(cfg, args))
    lines = [[row['kind'], f'{1000 * row["onednn_s"]:.0f}',
              f'{1000 * row["blas_s"]:.0f}',
              f'{row["onednn_s"] / row["blas_s"]:.2f}x']
             for row in report['rows']]
    columns = ['products', 'oneDNN, CPU ms', 'BLAS, CPU ms', 'BLAS gains']
    text = (f'`{report["command"]}`\n\n{report["description"]}:\n\n'
            f'{table(columns, lines)}')
    print(text, end='')
    if args.out:
        write(report, text, args.out)


if __name__ == '__main__':
    main()
