"""What limits training: the data pipeline or the model?

    python tools/analysis_tools/benchmark_loader.py \\
        configs/respike_r50_k400.py --batch 2 --out work_dirs/loader

The training loader of a config is built as for training, workers and collation
included, and read as fast as it delivers; then its transforms run one after
another in this process, and the model makes training steps on one of the
batches, without the optimizer. The table has medians: CPU time a clip, and the
clips a second of loader and model, by wall time. Each is measured alone: where
workers and model share cores, training is slower than both.

It reads a generated video (H.264, 340x256, a key frame every 16), or with
--own-videos those of the config. A batch of the config's size may need more
memory than there is, above all on a CPU: --batch.
"""
import argparse
import shlex
import sys
from pathlib import Path
from typing import Any, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import _common  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--workers', type=int,
                        help="of the loader (default: the config's)")
    parser.add_argument('--batch', type=int, help="clips a batch and step "
                        "(default: the config's)")
    parser.add_argument('--rounds', type=int, default=5,
                        help='steps of the model, clips through the '
                        'transforms, batches of every worker')
    parser.add_argument('--threads', type=int, default=1,
                        help="of the model's step on a CPU")
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--own-videos', action='store_true',
                        help="read the config's training videos")
    parser.add_argument('--videos', type=Path,
                        default=Path('work_dirs/benchmark_videos'),
                        help='where the generated video goes')
    parser.add_argument('--out', type=Path, help='path without suffix')
    _common.add_common_options(parser)
    return parser.parse_args()


def limit_threads(cfg, threads: int) -> None:
    """As MMEngine's runner does it, before anything is measured."""
    import torch
    from mmengine.utils.dl_utils import set_multi_processing
    set_multi_processing(**cfg.get('env_cfg', {}).get('mp_cfg', {}))
    torch.set_num_threads(threads)


def build_model(cfg, device: str):
    """The model in training mode; weights do not matter here."""
    from mmaction.registry import MODELS
    if 'pretrained' in cfg.model.backbone:
        cfg.model.backbone.pretrained = None
    return MODELS.build(cfg.model).to(device).train()


def train_step(model, batch: Any) -> None:
    """Forward and backward pass, data preprocessor included."""
    data = model.data_preprocessor(batch, True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    model.zero_grad(set_to_none=True)
    loss.backward()


def measure(cfg, args: argparse.Namespace) -> Dict:
    """Batch, workers and, for each part, CPU (``s``) and wall (``wall_s``)
    seconds a clip."""
    from _benchmark.loading import build_loader, time_loader, time_transforms
    from _benchmark.timing import alternate, summary
    from mmengine.registry import init_default_scope
    init_default_scope('mmaction')
    limit_threads(cfg, args.threads)
    loader = build_loader(cfg, args)
    loading, batch = time_loader(loader, args.rounds)
    rows = time_transforms(loader.dataset, args.rounds)
    rows.append(dict(part='**pipeline**', s=sum(row['s'] for row in rows)))
    rows.append(dict(
        part=f'**loader, {loader.num_workers} worker(s)**', **loading))
    model = build_model(cfg, args.device)
    times, = alternate([lambda: train_step(model, batch)], 1, args.rounds,
                       args.device.startswith('cuda'))
    step = {clock: value / loader.batch_size
            for clock, value in summary(times).items()}
    rows.append(dict(part='**model, training step**', s=step.pop('cpu_s'),
                     **step))
    return dict(batch=loader.batch_size, workers=loader.num_workers, rows=rows)


def to_markdown(report: Dict) -> str:
    from _benchmark.report import table
    *_, pipeline, loader, model = report['rows']
    lines: List[List[str]] = [[
        row['part'],
        f'{1000 * row["s"]:.1f}' if 's' in row else '',
        f'{1 / row["wall_s"]:.1f}' if 'wall_s' in row else '',
    ] for row in report['rows']]
    limit = 'loader' if loader['wall_s'] > model['wall_s'] else 'model'
    return (f'`{report["command"]}`\n\n{report["description"]}:\n\n'
            f'{table(["part", "CPU ms a clip", "clips a second"], lines)}\n'
            f'The {limit} limits training. '
            f'{pipeline["s"] / model["wall_s"]:.2f} workers keep the model '
            'busy, each with a core of its own.\n')


def main() -> None:
    args = parse_args()
    _common.restart_with_malloc_settings()
    cfg = _common.load_config(args)
    import torch
    from _benchmark.machine import in_words, machine
    from _benchmark.report import write
    found = machine(args.device)
    measured = measure(cfg, args)
    threads = '' if 'gpu' in found else f', {args.threads} CPU thread(s)'
    videos = "the config's videos" if args.own_videos else 'a generated video'
    report = dict(
        machine=found,
        command=shlex.join([
            'python', 'tools/analysis_tools/benchmark_loader.py',
            *sys.argv[1:]]),
        description=f'Median of {args.rounds}, batch {measured["batch"]}, '
        f'{videos}, model on {in_words(found)}{threads}, torch '
        f'{torch.__version__}; clips a second by wall time',
        **measured)
    text = to_markdown(report)
    print(text, end='')
    if args.out:
        write(report, text, args.out)


if __name__ == '__main__':
    main()
