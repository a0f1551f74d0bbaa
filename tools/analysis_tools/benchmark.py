"""Time and memory of systems side by side, on the same random clips.

    python tools/analysis_tools/benchmark.py plain respike \\
        respike:checkpoint=all tsn_r50 --out work_dirs/training
    python tools/analysis_tools/benchmark.py plain respike respike+fold \\
        respike+int8+bf16 --mode test
    python tools/analysis_tools/benchmark.py respike:checkpoint=neurons \\
        --rounds 0 --modules
    python tools/analysis_tools/benchmark.py plain respike \\
        --sweep frames=8,16,32 --out work_dirs/frames

Systems run in turn, one step a round, so that all meet the same machine. A
step is the forward and backward pass of a training step (no optimizer), or
with ``--mode test`` a forward pass in evaluation mode. The first row is what
``speed`` compares with: its median CPU time (on a GPU: wall time) over the
other's; ``clips/s`` is by wall time. Memory is what a further clip adds:
``saved`` what autograd keeps from forward to backward, ``peak`` the highest
total during the step.

On a GPU the kernels of a step are counted, and ``--largest-batch`` tries which
batch still fits, beside the weights of all systems named. ``--peak-tflops``
and ``--peak-gbs``, the device's data sheet in the precision that is measured,
give a ``roofline`` column: the least time in which the device could do all of
PyTorch's operations, over the wall time (``_benchmark/roofline.py``).

A system is ``NAME[+MODIFIER...][:key=value,...]``. Options are those of the
model's config. Modifiers: ``bf16`` (autocast), ``compile`` (torch.compile);
with ``--mode test`` also ``fold`` (batch norm into convolutions), ``int8``
(the same, and convolutions of spikes in int8) and, where installed,
``onnxruntime`` and ``openvino`` (exported, float32), ``openvino_bf16``,
``openvino_int8`` (convolutions of spikes in int8, the rest in bfloat16) and
``openvino_int8_all`` (all products in int8). The name ``plain`` is the
reference of the tests: time loop, spikingjelly's single-step neurons, eager
attention. ``respike`` has its weights, unless options change their shapes.
"""
import argparse
import shlex
import sys
from pathlib import Path
from typing import Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import _common  # noqa: E402

SWEEPS = ('frames', 'stride', 'batch', 'crop', 'depth')


def sweep(text: str) -> Dict:
    """``frames=8,16`` to its name and numbers."""
    name, _, values = text.partition('=')
    if name not in SWEEPS:
        raise argparse.ArgumentTypeError(f'{name!r} is not one of {SWEEPS}')
    try:
        return dict(name=name, values=[int(v) for v in values.split(',')])
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r}: write whole numbers, as in {name}=8,16') from None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('systems', nargs='+', metavar='SYSTEM')
    parser.add_argument('--mode', choices=['train', 'test'], default='train')
    parser.add_argument('--depth', type=int, default=50,
                        help="key-frame ResNet of 'plain' and 'respike'")
    parser.add_argument('--stride', type=int, default=4,
                        help='frames a segment')
    parser.add_argument('--frames', type=int, default=16)
    parser.add_argument('--crop', type=int, default=224)
    parser.add_argument('--batch', type=int, default=1, help='clips a step')
    parser.add_argument('--sweep', type=sweep, metavar='OPTION=A,B,...',
                        help=f'every system with each value of one of '
                        f'{", ".join(SWEEPS)}; --out also gets a plot')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--warmup', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=5,
                        help='0 measures memory alone')
    parser.add_argument('--no-memory', action='store_true')
    parser.add_argument('--modules', action='store_true',
                        help='memory by module too')
    parser.add_argument('--largest-batch', action='store_true',
                        help='which batch still fits; on a GPU')
    parser.add_argument('--peak-tflops', type=float,
                        help="the device's arithmetic, 10^12 a second")
    parser.add_argument('--peak-gbs', type=float,
                        help="its memory's bandwidth, 10^9 bytes a second")
    parser.add_argument('--out', type=Path, help='path without suffix')
    args = parser.parse_args()
    if len(set(args.systems)) < len(args.systems):
        parser.error('a system is named twice')
    if not args.rounds and args.no_memory:
        parser.error('--rounds 0 --no-memory leaves nothing to measure')
    if args.largest_batch and not args.device.startswith('cuda'):
        parser.error('--largest-batch is for a GPU: --device cuda')
    peaks = args.peak_tflops or 0, args.peak_gbs or 0
    if any(peaks) and not (min(peaks) > 0 and args.rounds):
        parser.error('a roofline takes both --peak-tflops and --peak-gbs, '
                     'above zero, and --rounds')
    return args


def settings(args: argparse.Namespace) -> Dict:
    """Machine and sizes, for the report."""
    import torch
    from _benchmark.machine import in_words, machine
    cuda = args.device.startswith('cuda')
    found = machine(args.device)
    threads = '' if cuda else f', {args.threads} CPU thread(s)'
    how = f'; {args.sweep["name"]} varies' if args.sweep else ''
    if args.rounds:
        how += (f'; median (lowest - highest) of {args.rounds} rounds; speed: '
                f'ratio of {"wall" if cuda else "CPU"} seconds, clips/s: by '
                'wall seconds')
    if args.peak_tflops:
        how += (f'; roofline: least seconds at {args.peak_tflops:g} TFLOPS '
                f'and {args.peak_gbs:g} GB/s over wall seconds')
    return dict(
        machine=found,
        command=shlex.join(
            ['python', 'tools/analysis_tools/benchmark.py', *sys.argv[1:]]),
        description=(
            f'{args.mode}, batch {args.batch}, {args.frames} frames of '
            f'{args.crop}x{args.crop}, s={args.stride}, depth {args.depth}, '
            f'float32 unless said, {in_words(found)}{threads}, '
            f'torch {torch.__version__}{how}'))


def main() -> None:
    args = parse_args()
    _common.restart_with_malloc_settings()
    _common.import_plugin()
    import torch
    from _benchmark.measure import measure
    from _benchmark.report import plot, to_markdown, write
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise SystemExit(f'--device {args.device}: there is no GPU')
    report = dict(**settings(args), rows=measure(args))
    text = to_markdown(report)
    print(text, end='')
    if args.out:
        write(report, text, args.out)
        if args.sweep:
            plot(report, args.sweep['name'], args.out)


if __name__ == '__main__':
    main()
