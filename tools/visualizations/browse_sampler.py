"""Key frames and residual frames of data set items, after augmentation.

    python tools/visualizations/browse_sampler.py CONFIG --index 0 7 --out DIR

writes one picture per item. Residual frames are coloured by sign; the
heading says how many of their values are zero.
"""
import argparse
from pathlib import Path

import _sample


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    _sample.add_split_options(parser)
    parser.set_defaults(split='train')
    parser.add_argument(
        '--index', type=int, nargs='+', default=[0], help='which items')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for the pictures')
    parser.add_argument(
        '--threshold',
        type=int,
        default=0,
        help='count values within this many grey levels as zero (default: 0)')
    parser.add_argument(
        '--seed', type=int, default=0, help='of the augmentation')
    _sample._common.add_common_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = _sample._common.load_config(args)
    from mmengine.runner import set_random_seed

    from respike_mm.visualization.segments import draw_segments, segments_of
    dataset = _sample.dataset_of(cfg, args.split)
    for index in args.index:
        set_random_seed(args.seed)
        sample = _sample.sample_of(dataset, index)
        video = Path(dataset.get_data_info(index)['filename'])
        name = f'{video.parent.name}/{video.name}'
        figure = draw_segments(
            segments_of(sample['inputs'], args.view),
            f'{name}, {args.split} pipeline', args.threshold)
        _sample.save(figure, args.out / f'{args.split}_{index}.png')


if __name__ == '__main__':
    _sample.run(main)
