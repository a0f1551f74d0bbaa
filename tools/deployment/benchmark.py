"""Size and latency of a recognizer, as PyTorch runs it and exported.

    python tools/deployment/benchmark.py CONFIG CHECKPOINT \
        --out docs/results/deployment.md

One clip through PyTorch (eager, batch norm folded, compiled where there is a
C++ compiler), ONNX Runtime (float32, and matrix products in int8) and
OpenVINO where installed, all in one process, in turn; the table quotes
medians. Files are written to --work-dir.
"""
import argparse
import io
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Tuple

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER)]

import _common  # noqa: E402
from _loading import load_respike  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor, nn

    from respike_mm.deployment import Graph

TITLE = '# Size and latency\n\n'
# Scores of segments, and the size in bytes.
Variant = Tuple[Callable[['Tensor'], 'Tensor'], int]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of a HybridReSpike')
    parser.add_argument('checkpoint', help='the weights: a file or address')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument(
        '--no-compile', action='store_true', help='leave torch.compile out')
    parser.add_argument('--out', type=Path, help='append the table to this')
    _common.add_common_options(parser)
    return parser.parse_args()


def weight_bytes(module: 'nn.Module') -> int:
    """Size of a module's saved weights."""
    import torch
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.tell()


def pytorch_variants(model: 'nn.Module', segments: 'Tensor',
                     compiled: bool) -> Dict[str, Variant]:
    """Eager, folded and compiled."""
    import torch

    from respike_mm.deployment import fold_batch_norm, recognizer_graph
    eager = recognizer_graph(model, segments).module
    folded = recognizer_graph(fold_batch_norm(model), segments).module
    variants = {
        'PyTorch eager': (eager, weight_bytes(model)),
        'PyTorch eager, folded': (folded, weight_bytes(folded)),
    }
    if not compiled:
        print('torch.compile: left out', file=sys.stderr)
    elif not any(map(shutil.which, ('c++', 'g++', 'clang++'))):
        print('torch.compile: no C++ compiler', file=sys.stderr)
    else:
        variants['PyTorch compiled, folded'] = (torch.compile(folded),
                                                weight_bytes(folded))
    return variants


def quantise(path: Path) -> Path:
    """Matrix products in int8; float32 convolutions stay as they are."""
    from onnxruntime.quantization import quantize_dynamic
    out = path.with_name('recognizer_int8.onnx')
    quantize_dynamic(path, out, op_types_to_quantize=['MatMul', 'Gemm'])
    return out


def onnx_variants(graph: 'Graph', folder: Path,
                  threads: int) -> Dict[str, Variant]:
    """Each runtime that is installed."""
    import torch

    from respike_mm.deployment import (export_onnx, load_onnxruntime,
                                       load_openvino)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / 'recognizer.onnx'
    export_onnx(graph, path, opset=20)
    variants = {}
    for name, load, file in (
        ('ONNX Runtime', load_onnxruntime, lambda: path),
        ('ONNX Runtime, int8 matrix products', load_onnxruntime,
         lambda: quantise(path)),
        ('OpenVINO', load_openvino, lambda: path)):
        try:
            source = file()
            run = load(source, threads)
        except ModuleNotFoundError as error:
            print(f'{name}: {error}', file=sys.stderr)
            continue
        variants[name] = (
            lambda x, run=run: torch.from_numpy(
                run(dict(segments=x.numpy()))['scores']),
            source.stat().st_size)
    return variants


def measure(variants: Dict[str, Variant], segments: 'Tensor',
            rounds: int) -> Dict[str, List[List[float]]]:
    """CPU and wall milliseconds of every variant, after two rounds."""
    import torch
    times = {name: [] for name in variants}
    with torch.no_grad():
        for _ in range(rounds + 2):
            for name, (run, _) in variants.items():
                cpu, wall = time.process_time(), time.perf_counter()
                run(segments)
                times[name].append([(time.process_time() - cpu) * 1e3,
                                    (time.perf_counter() - wall) * 1e3])
    return {name: rows[2:] for name, rows in times.items()}


def table(variants: Dict[str, Variant], times: Dict[str, List[List[float]]],
          segments: 'Tensor') -> List[str]:
    """Markdown rows; differences are of the scores, to PyTorch eager."""
    import torch
    medians = {
        name: [statistics.median(column) for column in zip(*rows)]
        for name, rows in times.items()
    }
    first = next(iter(variants))
    lines = [
        '| runs in | MiB | CPU ms | wall ms | CPU time of eager | '
        'largest difference of a score |', '|---|---|---|---|---|---|'
    ]
    with torch.no_grad():
        expected = variants[first][0](segments)
        for name, (run, size) in variants.items():
            cpu, wall = medians[name]
            difference = (run(segments) - expected).abs().max()
            lines.append(
                f'| {name} | {size / 2**20:.1f} | {cpu:.1f} | {wall:.1f} | '
                f'{cpu / medians[first][0]:.2f} | {difference:.1e} |')
    return lines


def main() -> None:
    args = parse_args()
    _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    import torch
    from export import noise_segments

    from respike_mm.deployment import recognizer_graph
    torch.set_num_threads(args.threads)
    model = load_respike(cfg, args.checkpoint)
    # An exporter takes a batch of one for a fixed size.
    graph = recognizer_graph(model, noise_segments(cfg, model, 2, seed=0))
    segments = noise_segments(cfg, model, 1, seed=1)
    variants = pytorch_variants(model, segments, not args.no_compile)
    variants.update(
        onnx_variants(graph, Path(cfg.work_dir, 'deployment'), args.threads))
    times = measure(variants, segments, args.rounds)
    _, num_segments, stride, _, height, width = segments.shape
    lines = [
        f'**{Path(args.config).stem}**: one clip of {num_segments} segments '
        f'of {stride} frames, {height}x{width}, CPU, {args.threads} '
        f'thread(s), medians of {args.rounds} rounds, alternating', '',
        *table(variants, times, segments), ''
    ]
    print('\n'.join(lines))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        title = '' if args.out.exists() else TITLE
        with args.out.open('a') as file:
            file.write(title + '\n'.join([*lines, '']))


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
