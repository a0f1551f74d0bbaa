"""What the energy meter costs: evaluation with and without it, alternately.

    python tools/analysis_tools/benchmark_energy_overhead.py CONFIG...

Every round evaluates the same test samples once without and once with the
meter on all of them (``EnergyHook`` would observe 100 of the whole set): data
loading in this process, then the test step. The columns *steps* leave the
loading out. ``--random`` takes noise, which needs no decoding. Medians of
CPU-seconds on a CPU, which other programs disturb less than wall time.
"""
import argparse
import shlex
import statistics
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, Iterable, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _common  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--random', action='store_true')
    parser.add_argument('--samples', type=int, default=32)
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--frame-size', type=int, nargs=2, default=(256, 340),
        metavar=('HEIGHT', 'WIDTH'), help='of --random')
    parser.add_argument('--out', type=Path, help='Markdown file to write')
    return parser.parse_args()


def make_firing(model: Any) -> None:
    """Give an untrained spiking network firing rates of 10 to 40 percent.

    Without, its deeper neurons are silent, and silence is cheap to count.
    """
    from torch import nn
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d) and 'layer' in name:
            nn.init.constant_(module.weight, 2.)
            nn.init.constant_(module.bias, 0.3)


def batches(cfg: Any, args: argparse.Namespace) -> Iterable[Any]:
    """The test set's first samples, loaded in this process; or noise."""
    from mmengine.runner import Runner

    from respike_mm.evaluation.energy.random_clips import random_batches
    loader = cfg.test_dataloader
    if args.random:
        return list(
            random_batches(loader.dataset.pipeline, args.samples,
                           args.batch_size, tuple(args.frame_size)))
    return Runner.build_dataloader(
        dict(
            loader,
            batch_size=args.batch_size,
            num_workers=0,
            persistent_workers=False,
            dataset=dict(loader.dataset, indices=args.samples)))


class Stopwatch:
    """Seconds of the last block, device included."""

    def __init__(self, device: str) -> None:
        self.cuda = device != 'cpu'
        self.clock = time.perf_counter if self.cuda else time.process_time

    def __call__(self) -> float:
        if self.cuda:
            import torch
            torch.cuda.synchronize()
        return self.clock()


def evaluate(model: Any, data: Iterable[Any], meter: Any,
             now: Stopwatch) -> Dict[str, float]:
    """Seconds of one evaluation, and of its test steps alone."""
    import torch

    from respike_mm.evaluation.energy.meter import batch_size
    start, steps = now(), 0.
    with torch.no_grad():
        for batch in data:
            begin = now()
            with meter.observe(batch_size(batch)) if meter else nullcontext():
                model.test_step(batch)
            steps += now() - begin
    return dict(all=now() - start, steps=steps)


def benchmark(path: str, args: argparse.Namespace) -> str:
    """One row of the table."""
    from mmaction.apis import init_recognizer
    from mmengine.config import Config

    from respike_mm.evaluation.energy import EnergyMeter
    cfg = Config.fromfile(path)
    model = init_recognizer(cfg, device=args.device)
    make_firing(model)
    data, meter = batches(cfg, args), EnergyMeter(model)
    times: Dict[bool, List[dict]] = {False: [], True: []}
    for _ in range(args.rounds + 1):
        for metered in times:
            times[metered].append(
                evaluate(model, data, meter if metered else None,
                         Stopwatch(args.device)))
    cells = []
    for part in ('all', 'steps'):
        plain, metered = (
            statistics.median(t[part] for t in times[kind][1:])
            for kind in (False, True))
        cells += [f'{plain:.3f}', f'{metered:.3f}', f'{metered / plain:.2f}']
    rates = meter.report().firing_rates.values()
    rate = f'{statistics.mean(rates):.2f}' if rates else '-'
    return f'| {Path(path).stem} | {rate} | {" | ".join(cells)} |'


def main() -> None:
    args = parse_args()
    _common.import_plugin()
    import torch
    torch.set_num_threads(args.threads)
    command = shlex.join([
        'python', 'tools/analysis_tools/benchmark_energy_overhead.py',
        *sys.argv[1:]])
    text = f'''`{command}`

{args.samples} samples, batch {args.batch_size}, {args.device}, \
{args.threads} threads, median of {args.rounds} alternating rounds, seconds:

| config | mean firing rate | plain | metered | ratio | steps plain | \
steps metered | ratio |
|---|---|---|---|---|---|---|---|
'''
    print(text, end='')
    for path in args.configs:
        row = benchmark(path, args) + '\n'
        print(row, end='', flush=True)
        text += row
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text)


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
