"""Energy and firing rates of a model: one command, one auditable table.

    python tools/analysis_tools/energy.py CONFIG CHECKPOINT --out STEM

measures 100 random validation samples and writes ``STEM.json``, ``.md``,
``.csv`` and ``.png``; figures are per clip. ``--random`` needs neither data
nor checkpoint: it runs the config's pipeline on noise, for operation counts;
firing rates of noise mean nothing. docs/energy.md says what is counted how.
"""
import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _common  # noqa: E402

if TYPE_CHECKING:
    from mmengine.config import Config

# Option to its field of EnergyConstants.
CONSTANTS = ('pj_mac', 'pj_ac', 'pj_mul', 'pj_compare', 'pj_special',
             'pj_byte')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of the model')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='the weights; without them rates are those of an untrained '
        'network')
    parser.add_argument(
        '--out', type=Path, help='path of the files, without suffix')
    parser.add_argument(
        '--fail-on-unknown',
        action='store_true',
        help='exit with status 1 if an operation is in no table')
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--amp', action='store_true', help='run under autocast')
    add_sample_options(parser)
    add_rule_options(parser)
    _common.add_common_options(parser)
    args = parser.parse_args()
    if args.samples < 1 or (args.batch_size or 1) < 1:
        parser.error('--samples and --batch-size must be positive')
    return args


def add_sample_options(parser: argparse.ArgumentParser) -> None:
    """Options for what is measured."""
    parser.add_argument(
        '--samples',
        type=int,
        default=100,
        help='samples (videos) to measure (default: 100)')
    parser.add_argument(
        '--split',
        choices=['val', 'test'],
        default='val',
        help='whose data and pipeline: validation takes one clip and its '
        'centre where testing takes many (default: val)')
    parser.add_argument(
        '--random',
        action='store_true',
        help='noise instead of a data set')
    parser.add_argument(
        '--frame-size',
        type=int,
        nargs=2,
        default=(256, 340),
        metavar=('HEIGHT', 'WIDTH'),
        help='of --random, before the pipeline resizes or crops')
    parser.add_argument(
        '--batch-size', type=int, help="default: the dataloader's")
    parser.add_argument(
        '--seed', type=int, default=0, help='of the choice of samples')


def add_rule_options(parser: argparse.ArgumentParser) -> None:
    """Options for how it is priced."""
    parser.add_argument(
        '--rule',
        nargs='+',
        default=['paper', 'strict'],
        choices=['paper', 'strict', 'memory'],
        help='counting rules (default: paper strict)')
    parser.add_argument(
        '--neurons',
        nargs='+',
        default=[],
        metavar='TYPE',
        help="types of spiking neurons beside LIFNeuron and spikingjelly's: "
        'names in the registry MODELS or import paths')
    for name in CONSTANTS:
        parser.add_argument(
            '--' + name.replace('_', '-'),
            type=float,
            metavar='PJ',
            help='picojoules; see EnergyConstants')


def batches(loader: 'Config', args: argparse.Namespace) -> Iterable[Any]:
    """Batches of randomly chosen samples, or of noise."""
    from respike_mm.evaluation.energy.clips import pipeline_of
    batch_size = args.batch_size or loader.batch_size
    if args.random:
        from respike_mm.evaluation.energy.random_clips import random_batches
        return random_batches(
            pipeline_of(loader.dataset), args.samples, batch_size,
            tuple(args.frame_size), args.seed)
    import numpy as np
    from mmaction.registry import DATASETS
    from mmengine.runner import Runner
    from torch.utils.data import Subset
    dataset = DATASETS.build(loader.dataset)
    # Annotation lists are sorted by class: the first ones are no sample.
    order = np.random.default_rng(args.seed).permutation(len(dataset))
    chosen = Subset(dataset, sorted(order[:args.samples].tolist()))
    loader = dict(
        loader, dataset=chosen, batch_size=batch_size,
        num_workers=min(2, loader.num_workers), persistent_workers=False,
        sampler=dict(type='DefaultSampler', shuffle=False))
    return Runner.build_dataloader(loader, seed=args.seed)


def measure(cfg: 'Config', args: argparse.Namespace):
    """Build the model, run it, and report."""
    import torch

    from respike_mm.evaluation.energy import (EnergyConstants, measure_energy,
                                              neuron_types)
    from respike_mm.evaluation.energy.clips import (clips_per_sample,
                                                    pipeline_of)
    loader = cfg.get(f'{args.split}_dataloader')
    if not loader:
        raise SystemExit(f'{args.config} has no {args.split}_dataloader; '
                         'choose another --split')
    constants = {
        name: getattr(args, name)
        for name in CONSTANTS if getattr(args, name) is not None
    }
    try:
        neurons = neuron_types(args.neurons)
    except ValueError as error:
        raise SystemExit(f'--{error}') from None
    model = _common.load_model(cfg, args.checkpoint, args.device)
    with torch.autocast(
            torch.device(args.device).type, torch.bfloat16,
            enabled=args.amp):
        return measure_energy(
            model,
            batches(loader, args),
            args.samples,
            clips_per_sample=clips_per_sample(pipeline_of(loader.dataset)),
            rules=args.rule,
            constants=EnergyConstants(**constants),
            neurons=neurons)


def main() -> None:
    args = parse_args()
    if args.checkpoint:
        _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    report = measure(cfg, args)
    from respike_mm.evaluation.energy import save_report
    from respike_mm.evaluation.energy.markdown import totals_table
    measured = report.measurement
    print(f'{measured.samples} samples, {measured.clips} clips; per clip:\n')
    print(totals_table(report))
    if args.out:
        data = 'noise' if args.random else f'{args.split} samples'
        title = f'Energy of {Path(args.config).stem} on {data}'
        for path in save_report(report, args.out, title):
            print(path)
    unknown = [row['op'] for row in report.unknown_rows()]
    if unknown:
        message = f'not counted, since unknown: {", ".join(unknown)}'
        if args.fail_on_unknown:
            raise SystemExit(message)
        print(message, file=sys.stderr)


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
