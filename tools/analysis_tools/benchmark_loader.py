"""What limits training: the data pipeline or the model?

    python tools/analysis_tools/benchmark_loader.py \\
        configs/respike_r50_k400.py --out work_dirs/loader

The training pipeline of a config runs on a generated video (H.264, 340x256, a
key frame every 16), one transform after another; then the model makes a
training step on such clips, without the optimizer. The table has the median
CPU time a clip of each, and says how many loader workers keep the model busy.
"""
import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import _common  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--batch', type=int, default=1, help='clips a step')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--videos', type=Path,
                        default=Path('work_dirs/benchmark_videos'),
                        help='where the generated video goes')
    parser.add_argument('--out', type=Path, help='path without suffix')
    _common.add_common_options(parser)
    return parser.parse_args()


def run_pipeline(transforms: List, sample: Dict) -> tuple:
    """The packed sample, and CPU seconds of every transform."""
    taken = []
    for transform in transforms:
        start = time.process_time()
        sample = transform(sample)
        taken.append(time.process_time() - start)
    return sample, taken


def build_model(cfg, device: str):
    """The model in training mode; weights do not matter here."""
    from mmaction.registry import MODELS
    from mmengine.registry import init_default_scope
    init_default_scope('mmaction')
    if 'pretrained' in cfg.model.backbone:
        cfg.model.backbone.pretrained = None
    return MODELS.build(cfg.model).to(device).train()


def train_step(model, samples: List[Dict]) -> None:
    """Forward and backward pass, data preprocessor included."""
    from mmengine.dataset import pseudo_collate
    data = model.data_preprocessor(pseudo_collate(samples), True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    model.zero_grad(set_to_none=True)
    loss.backward()


def measure(cfg, args: argparse.Namespace) -> List[Dict]:
    """Median CPU seconds a clip of every transform, then of the model (on a
    GPU: wall seconds)."""
    import statistics

    import torch
    from _benchmark.timing import alternate, summary
    from _benchmark.videos import Clip, generate
    from mmaction.registry import TRANSFORMS
    model = build_model(cfg, args.device)
    pipeline = cfg.train_dataloader.dataset.pipeline
    transforms = [TRANSFORMS.build(t) for t in pipeline]
    path = generate(Clip('h264', 340, 256, 250, 16), args.videos)
    sample = dict(filename=str(path), label=0, start_index=0, modality='RGB')
    runs = [run_pipeline(transforms, dict(sample))
            for _ in range(max(args.rounds, args.batch) + 1)][1:]
    rows = [dict(part=t['type'], s=statistics.median(s))
            for t, s in zip(pipeline, zip(*(taken for _, taken in runs)))]
    rows.append(dict(part='**pipeline**', s=sum(row['s'] for row in rows)))
    samples = [packed for packed, _ in runs[:args.batch]]
    torch.set_num_threads(1)
    cuda = args.device.startswith('cuda')
    times, = alternate([lambda: train_step(model, samples)], 1, args.rounds,
                       cuda)
    seconds = summary(times)['wall_s' if cuda else 'cpu_s']
    rows.append(dict(part='**model, training step**', s=seconds / args.batch))
    return rows


def to_markdown(report: Dict) -> str:
    from _benchmark.report import table
    rows = report['rows']
    pipeline, model = (row['s'] for row in rows[-2:])
    lines = [[row['part'], f'{1000 * row["s"]:.1f}', f'{1 / row["s"]:.1f}'
              if row['part'].startswith('**') else ''] for row in rows]
    return (f'`{report["command"]}`\n\n{report["description"]}:\n\n'
            f'{table(["part", "CPU ms a clip", "clips a second"], lines)}\n'
            f'{pipeline / model:.2f} workers keep the model busy.\n')


def main() -> None:
    args = parse_args()
    cfg = _common.load_config(args)
    import torch
    from _benchmark.report import write
    device = 'one GPU' if args.device.startswith('cuda') else 'one CPU thread'
    report = dict(
        command=shlex.join([
            'python', 'tools/analysis_tools/benchmark_loader.py',
            *sys.argv[1:]]),
        description=f'Median of {args.rounds}, model with batch {args.batch} '
        f'on {device}, torch {torch.__version__}',
        rows=measure(cfg, args))
    text = to_markdown(report)
    print(text, end='')
    if args.out:
        write(report, text, args.out)


if __name__ == '__main__':
    main()
