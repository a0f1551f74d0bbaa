"""What a frame of endless video costs: stream against sliding clips.

    python tools/analysis_tools/benchmark_streaming.py CONFIG [CHECKPOINT] \
        --out docs/results/streaming.md

A sliding clip runs the recognizer on the latest frames again at every frame;
a stream runs the ANN at key frames and one step of the spiking branch at the
others. Both get the same frames in one process, in turn, a segment at a time;
the table quotes medians of CPU-seconds and wall time.
"""
import argparse
import shlex
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _common  # noqa: E402

if TYPE_CHECKING:
    import numpy as np

    from respike_mm.apis import StreamingReSpike

TITLE = '# Cost of a frame of endless video\n\n'
KINDS = ('key frame', 'residual frame', 'clip')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of a HybridReSpike')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='the weights; time hardly depends on them')
    parser.add_argument('--rounds', type=int, default=10, help='segments')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', type=Path, help='append the table to this')
    _common.add_common_options(parser)
    return parser.parse_args()


def milliseconds(function: Callable) -> List[float]:
    """CPU and wall time of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return [(time.process_time() - cpu) * 1e3,
            (time.perf_counter() - wall) * 1e3]


def clip_of(stream: 'StreamingReSpike', frames: 'np.ndarray') -> Callable:
    """The recognizer's prediction for ``[T, H, W, C]``, as a call."""
    import torch
    from mmaction.structures import ActionDataSample
    segments = torch.from_numpy(frames).permute(0, 3, 1, 2).unflatten(
        0, (1, stream.num_segments, stream.stride))

    @torch.no_grad()
    def predict():
        data = dict(inputs=[segments], data_samples=[ActionDataSample()])
        return stream.model.test_step(data)

    return predict


def measure(stream: 'StreamingReSpike', frames: 'np.ndarray',
            rounds: int) -> Dict[str, List[List[float]]]:
    """Times of ``rounds`` segments after a first that nobody times."""
    clip = clip_of(stream, frames)
    times = {kind: [] for kind in KINDS}
    for segment in range(rounds + 1):
        start = segment % stream.num_segments * stream.stride
        found = {kind: [] for kind in KINDS}
        for i, frame in enumerate(frames[start:start + stream.stride]):
            kind = 'residual frame' if i else 'key frame'
            found[kind].append(milliseconds(lambda: stream.step(frame)))
        found['clip'].append(milliseconds(clip))
        for kind in KINDS if segment else ():
            times[kind] += found[kind]
    return times


def table(name: str, stream: 'StreamingReSpike', size: tuple,
          times: Dict[str, List[List[float]]], threads: int) -> str:
    """Markdown of the medians."""
    medians = {
        kind: [statistics.median(column) for column in zip(*rows)]
        for kind, rows in times.items()
    }
    s = stream.stride
    mean = [(key + (s - 1) * residual) / s for key, residual in zip(
        medians['key frame'], medians['residual frame'])]
    rows = [
        *((f'stream, {kind}', medians[kind]) for kind in KINDS[:2]),
        ('stream, mean of a segment', mean),
        ('clip model at every frame', medians['clip']),
    ]
    lines = [
        f'**{name}**: {stream.num_segments} segments of {s} frames, '
        f'{size[0]}x{size[1]}, CPU, {threads} thread(s), medians of '
        f'{len(times["clip"])} segments, alternating', '',
        '| per frame | CPU ms | wall ms | CPU time of the stream |',
        '|---|---|---|---|'
    ]
    lines += [
        f'| {label} | {cpu:.1f} | {wall:.1f} | {cpu / mean[0]:.2f} |'
        for label, (cpu, wall) in rows
    ]
    return '\n'.join([*lines, ''])


def main() -> None:
    args = parse_args()
    if args.checkpoint:
        _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    import numpy as np
    import torch

    from respike_mm.apis import StreamingReSpike, stream_options
    from respike_mm.evaluation.energy.random_clips import random_batches
    torch.set_num_threads(args.threads)
    model = _common.load_model(cfg, args.checkpoint)
    pipeline = cfg.test_dataloader.dataset.pipeline
    size = next(random_batches(pipeline, 1, 1))['inputs'][0].shape[-2:]
    options = {**stream_options(cfg), 'frame_interval': 1, 'transforms': ()}
    stream = StreamingReSpike(model, **options)
    frames = np.random.default_rng(0).integers(
        0, 256, (stream.num_segments * stream.stride, *size, 3), np.uint8)
    times = measure(stream, frames, args.rounds)
    text = table(Path(args.config).stem, stream, size, times, args.threads)
    print(text)
    command = shlex.join([
        'python', 'tools/analysis_tools/benchmark_streaming.py', *sys.argv[1:]
    ])
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        title = '' if args.out.exists() else TITLE
        with args.out.open('a') as file:
            file.write(f'{title}`{command}`\n\n{text}\n')


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
