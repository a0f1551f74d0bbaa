"""oneDNN or BLAS: who multiplies faster on this CPU?

    python tools/analysis_tools/benchmark_products.py \\
        configs/respike_r50_k400.py --out work_dirs/products

A hybrid recognizer's 1x1 convolutions, linear layers and the weight gradients
of its spike convolutions can go either way; this CPU's is chosen by
``blas_beats_onednn``. One training pass of a clip gives the shapes. Every
distinct one then runs both ways in turn, and the table adds up the medians.
"""
import argparse
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import _common  # noqa: E402

WEIGHTS = 'weight gradients of spike convolutions'
POINTWISE = '1x1 convolutions and linear layers, forwards and backwards'


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
    """How often which kind of layer meets which shapes in a pass of one clip:
    ``(kind, shape of the input, shape of the weight, stride)``."""
    import torch
    from mmaction.registry import MODELS
    from mmengine.registry import init_default_scope

    from respike_mm.models.common.pointwise import Linear, PointwiseConv2d
    from respike_mm.models.common.spike_conv import SpikeConv2d
    init_default_scope('mmaction')
    model = MODELS.build(cfg.model).train()
    found = Counter()

    def note(module, args, out) -> None:
        spikes = isinstance(module, SpikeConv2d)
        stride = module.stride[0] if spikes else 1
        found[WEIGHTS if spikes else POINTWISE, tuple(args[0].shape),
              tuple(module.weight.shape), stride] += 1

    for module in model.modules():
        if isinstance(module, (Linear, PointwiseConv2d, SpikeConv2d)):
            module.register_forward_hook(note)
    segments = args.frames // args.stride
    model(torch.randn(1, 1, segments, args.stride, 3, args.crop, args.crop),
          stage='head')
    return found


def weight_gradients(shape: Tuple, kernel: Tuple,
                     stride: int) -> Iterator[Callable]:
    """The gradient of a spike convolution's weight, by oneDNN and BLAS."""
    import torch

    from respike_mm.models.common.spike_conv import convolution_backward
    from respike_mm.models.common.weight_gradient import weight_gradient
    last = dict(memory_format=torch.channels_last)
    spikes = (torch.rand(shape) < 0.15).float().contiguous(**last)
    weight = torch.randn(kernel).contiguous(**last)
    strides, padding = (stride, stride), tuple(k // 2 for k in kernel[2:])
    grad = torch.randn_like(torch.conv2d(spikes, weight, None, strides,
                                         padding))
    yield lambda: convolution_backward(grad, spikes, weight, None, strides,
                                       padding, (1, 1), False, (0, 0), 1,
                                       (False, True, False))
    yield lambda: weight_gradient(spikes, grad, kernel[2:], strides, padding)


def pointwise_products(shape: Tuple,
                       weight_shape: Tuple) -> Iterator[Callable]:
    """Three products of tokens and a weight, by oneDNN and BLAS."""
    import torch
    import torch.nn.functional as F
    channels = weight_shape[1]
    tokens = torch.randn(torch.Size(shape).numel() // channels, channels)
    tokens.requires_grad_()
    weight = torch.randn(weight_shape[:2]).requires_grad_()
    grad = torch.randn(len(tokens), len(weight))

    def onednn() -> torch.Tensor:
        row = tokens[None, None].movedim(3, 1)
        out = F.conv2d(row, weight[:, :, None, None], dilation=2)
        return out.movedim(1, 3)[0, 0]

    for product in (onednn, lambda: F.linear(tokens, weight)):
        yield lambda product=product: torch.autograd.grad(
            product(), (tokens, weight), grad)


def measure(cfg, args: argparse.Namespace) -> List[Dict]:
    """CPU seconds of all layers of a kind, both ways."""
    import torch
    from _benchmark.timing import alternate, summary
    torch.set_num_threads(args.threads)
    totals = {kind: [0., 0.] for kind in (POINTWISE, WEIGHTS)}
    for (kind, *shapes, stride), count in layer_shapes(cfg, args).items():
        steps = (pointwise_products(*shapes) if kind == POINTWISE else
                 weight_gradients(*shapes, stride))
        times = alternate(list(steps), 1, args.rounds, cuda=False)
        for i, taken in enumerate(times):
            totals[kind][i] += count * summary(taken)['cpu_s']
    return [dict(kind=kind, onednn_s=onednn, blas_s=blas)
            for kind, (onednn, blas) in totals.items()]


def main() -> None:
    args = parse_args()
    cfg = _common.load_config(args)
    import torch
    from _benchmark.report import table, write

    from respike_mm.models.common.blas import blas_beats_onednn
    chosen = 'BLAS' if blas_beats_onednn() else 'oneDNN'
    capability = torch.backends.cpu.get_cpu_capability()
    report = dict(
        command=shlex.join([
            'python', 'tools/analysis_tools/benchmark_products.py',
            *sys.argv[1:]]),
        description=f'One clip, {args.frames} frames of {args.crop}x'
        f'{args.crop}, s={args.stride}, float32, {capability} ({chosen} is '
        f'chosen), {args.threads} CPU thread(s), torch {torch.__version__}; '
        f'sums of medians of {args.rounds}',
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
