"""Spikes of one clip: raster, firing-rate maps, and every layer's rate.

    python tools/visualizations/spikes.py CONFIG CHECKPOINT \\
        --video VIDEO --out DIR

writes ``raster.png``, ``rate_maps.png`` and ``layers.png``. The first two
show the last neuron layer of every stage, or those named by ``--layers``.
"""
import argparse
from pathlib import Path

import _sample


def parse_args() -> argparse.Namespace:
    parser = _sample.parser_of(__doc__)
    parser.add_argument('--out', type=Path, required=True, help='a folder')
    parser.add_argument('--layers', nargs='+', metavar='NAME')
    parser.add_argument(
        '--dead-below', type=float, default=0.001,
        help='rate, 0 to 1, below which a layer is dead (default: 0.001)')
    parser.add_argument(
        '--saturated-above', type=float, default=0.9,
        help='rate above which it is saturated (default: 0.9)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    model, batch = _sample.prepare(args)
    from respike_mm.visualization import spike_figures as figures
    from respike_mm.visualization import spikes as functions
    from respike_mm.visualization.segments import segments_of
    clip = segments_of(batch['inputs'][0], args.view)
    num_segments, num_steps = clip.residual.shape[:2]
    spikes = functions.clip_spikes(model, batch, num_segments, args.view)
    chosen = args.layers or functions.stage_layers(list(spikes))
    unknown = set(chosen) - set(spikes)
    if unknown:
        raise ValueError(f'no such layers: {sorted(unknown)}; there are '
                         f'{", ".join(spikes)}')
    shown = {name: spikes[name].cpu() for name in chosen}
    title = f'{_sample.name_of(args)}: {Path(args.config).stem}'
    _sample.save(figures.draw_raster(shown, num_steps, title),
                 args.out / 'raster.png')
    _sample.save(figures.draw_rate_maps(shown, clip.residual, title),
                 args.out / 'rate_maps.png')
    layers = {
        name: functions.activity(functions.channel_rates(x[:, None]))
        for name, x in spikes.items()
    }
    _sample.save(
        figures.draw_layers(layers, args.dead_below, args.saturated_above,
                            title), args.out / 'layers.png')


if __name__ == '__main__':
    _sample.run(main)
