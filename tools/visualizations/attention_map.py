"""Where a spiking token looks in the key frame (the paper's figure 4).

    python tools/visualizations/attention_map.py CONFIG CHECKPOINT \\
        --video VIDEO --out attention.png

The query token is the one with the largest motion energy, or the one at
``--query X Y``, in pixels of the frame as the network sees it. With one
segment and time step the picture is a still; ``--strip`` shows that step of
every segment; an ``--out`` that ends in .mp4 is the whole clip as a video.
"""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING, List

import _sample

if TYPE_CHECKING:
    from respike_mm.visualization import Segments, StageAttention
    from respike_mm.visualization.attention_figures import Glance


def parse_args() -> argparse.Namespace:
    parser = _sample.parser_of(__doc__)
    parser.add_argument('--out', type=Path, required=True,
                        help='a .png, or an .mp4 for a video')
    parser.add_argument(
        '--query', type=int, nargs=2, metavar=('X', 'Y'),
        help='pixel of the query token (default: the largest motion energy)')
    parser.add_argument('--stage', type=int, default=4, choices=[1, 2, 3, 4],
                        help='which fusion (default: 4, the last)')
    parser.add_argument('--head', type=int,
                        help='which head (default: the mean of all)')
    parser.add_argument('--segment', type=int, default=0)
    parser.add_argument(
        '--step', type=int,
        help='time step, from 0 (default: the last of the segment)')
    parser.add_argument('--top-k', type=int,
                        help='key-frame tokens that stand out (default: 5, or '
                        'all where there are fewer)')
    parser.add_argument('--strip', action='store_true')
    parser.add_argument('--fps', type=float, default=4, help='of the video')
    args = parser.parse_args()
    if args.out.suffix not in ('.png', '.mp4'):
        parser.error(f'--out must end in .png or .mp4, got {args.out}')
    return args


def glances(attention: 'StageAttention', clip: 'Segments',
            args: argparse.Namespace) -> List['Glance']:
    """As many as the picture asked for needs."""
    from respike_mm.visualization.attention_figures import glance_at
    num_segments, num_steps = clip.residual.shape[:2]
    steps = [num_steps - 1 if args.step is None else args.step]
    segments = [args.segment]
    if args.out.suffix == '.mp4':
        steps, segments = range(num_steps), range(num_segments)
    elif args.strip:
        segments = range(num_segments)
    return [glance_at(attention, clip, segment, step, args.view, args.query,
                      args.head)
            for segment in segments for step in steps]


def main() -> None:
    args = parse_args()
    model, batch = _sample.prepare(args)
    from respike_mm.visualization import (attention_of, segments_of,
                                          write_video)
    from respike_mm.visualization.attention_figures import (attention_frames,
                                                            draw_attention)
    clip = segments_of(batch['inputs'][0], args.view)
    stages, _ = attention_of(model, batch)
    if args.stage - 1 not in stages:
        raise ValueError(f'stage {args.stage} does not fuse; those that do: '
                         f'{[stage + 1 for stage in stages]}')
    attention = stages[args.stage - 1]
    rows, columns = attention.key_grid
    if args.top_k is None:
        args.top_k = min(5, rows * columns)
    looks = glances(attention, clip, args)
    if args.out.suffix == '.mp4':
        zoom = max(256 // min(clip.key.shape[1:3]), 1)
        write_video(args.out, attention_frames(looks, clip.frames, args.top_k,
                                               zoom), args.fps)
        print(args.out)
        return
    head = 'mean of heads' if args.head is None else f'head {args.head}'
    title = (f'{_sample.name_of(args)}: stage {args.stage}, {head}, '
             f'{rows} x {columns} key-frame tokens\n'
             'query token (yellow) chosen by '
             f'{"its place" if args.query else "motion energy"}')
    _sample.save(draw_attention(looks, args.top_k, title), args.out)


if __name__ == '__main__':
    _sample.run(main)
