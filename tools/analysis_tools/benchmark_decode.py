"""Time of reading one training clip: decoders, codecs, sizes, key frames.

    python tools/analysis_tools/benchmark_decode.py --out work_dirs/decode
    python tools/analysis_tools/benchmark_decode.py --codecs h264 \\
        --sizes 340x256 --gops 4 8 16 32 64 250 --out work_dirs/gop

``dense`` reads 16 consecutive frames, ``tsn`` 16 spread over the video. Every
decoder reads the same frames in turn, opening the file anew each time, and
what it gives is compared with a decode from the start: a cell is the median
CPU time in milliseconds, or the number of wrong frames, if there are any.
"""
import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import _common  # noqa: E402

CLIP = 16
SIZES = ('320x240', '340x256', '1280x720')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--codecs', nargs='+', choices=['h264', 'mpeg4'],
                        default=['h264', 'mpeg4'])
    parser.add_argument('--sizes', nargs='+', default=SIZES,
                        metavar='WIDTHxHEIGHT')
    parser.add_argument('--gops', nargs='+', type=int,
                        help='frames from one key frame to the next '
                        "(default: the encoders' own, 250 and 12)")
    parser.add_argument('--frames', type=int, default=250)
    parser.add_argument('--clips', type=int, default=5,
                        help='reads of each kind; the median counts')
    parser.add_argument('--videos', type=Path,
                        default=Path('work_dirs/benchmark_videos'),
                        help='where the generated videos go')
    parser.add_argument('--out', type=Path, help='path without suffix')
    args = parser.parse_args()
    if args.frames <= CLIP:
        parser.error(f'--frames must exceed {CLIP}, the frames of a clip')
    for size in args.sizes:
        if len([n for n in size.split('x') if n.isdigit()]) != 2:
            parser.error(f'--sizes: {size!r} is not WIDTHxHEIGHT')
    return args


def samples(frames: int, clips: int) -> Dict[str, List]:
    """Frame numbers of every clip, ascending, by kind of sampling."""
    import numpy as np
    rng = np.random.default_rng(0)
    starts = rng.integers(0, frames - CLIP + 1, clips)
    edges = np.linspace(0, frames, CLIP + 1).astype(int)
    return dict(
        dense=[start + np.arange(CLIP) for start in starts],
        tsn=[rng.integers(edges[:-1], edges[1:]) for _ in range(clips)])


def thumbnails(path: Path):
    """Every frame of a video in a coarse grid of pixels."""
    import av
    import numpy as np
    with av.open(str(path)) as container:
        return np.stack([small(frame.to_ndarray(format='rgb24'))
                         for frame in container.decode(video=0)])


def small(frames):
    return frames[..., ::9, ::9, :].astype('int16')


def wrong_frames(found, numbers, truth) -> int:
    """How many frames look more like another than like the wanted one."""
    import numpy as np
    nearest = [np.abs(truth - frame).mean((1, 2, 3)).argmin()
               for frame in small(found)]
    return int((np.array(nearest) != numbers).sum())


def time_readers(path: Path, clips: List, readers: Dict, truth) -> Dict:
    """Median CPU ms and wrong frames by reader."""
    from _benchmark.timing import alternate, summary
    wrong = {name: sum(wrong_frames(read(path, numbers), numbers, truth)
                       for numbers in clips[:2])
             for name, read in readers.items()}
    times = {name: [] for name in readers}
    for numbers in clips:
        steps = [partial(read, path, numbers) for read in readers.values()]
        for name, taken in zip(
                readers, alternate(steps, warmup=0, rounds=1, cuda=False)):
            times[name] += taken
    return {name: dict(wrong=wrong[name], **summary(times[name]))
            for name in readers}


def videos(args: argparse.Namespace) -> List:
    """What there is to read."""
    from _benchmark.videos import DEFAULT_GOP, Clip
    return [
        Clip(codec, *map(int, size.split('x')), args.frames, gop)
        for codec in args.codecs for size in args.sizes
        for gop in args.gops or [DEFAULT_GOP[codec]]
    ]


def measure(args: argparse.Namespace, readers: Dict) -> List[Dict]:
    """A row for each video and kind of sampling."""
    from _benchmark.videos import generate
    rows = []
    for clip in videos(args):
        path = generate(clip, args.videos)
        truth = thumbnails(path)
        for kind, clips in samples(args.frames, args.clips).items():
            rows.append(dict(
                codec=clip.codec, size=f'{clip.width}x{clip.height}',
                gop=clip.gop, sampling=kind, kib=path.stat().st_size / 1024,
                readers=time_readers(path, clips, readers, truth)))
    return rows


def to_markdown(report: Dict) -> str:
    from _benchmark.report import table
    names = list(report['rows'][0]['readers'])
    lines = []
    for row in report['rows']:
        cells = [
            f'{r["wrong"]} wrong' if r['wrong'] else f'{1000 * r["cpu_s"]:.0f}'
            for r in row['readers'].values()
        ]
        lines.append([row['codec'], row['size'], str(row['gop']),
                      f'{row["kib"]:.0f}', row['sampling'], *cells])
    text = f'`{report["command"]}`\n\n{report["description"]}:\n\n' + table(
        ['codec', 'size', 'key frame every', 'KiB', 'sampling', *names], lines)
    return text + ''.join(f'\nLeft out: {name} ({why}).\n'
                          for name, why in report['left_out'].items())


def describe(args: argparse.Namespace, readers: Dict, where: str) -> str:
    from importlib.metadata import version
    packages = dict(decord='decord', pyav='av', opencv='opencv-python',
                    torchcodec='torchcodec')
    versions = [f'{name} {version(package)}'
                for name, package in packages.items()
                if any(reader.startswith(name) for reader in readers)]
    return (f'CPU ms to open a video of {args.frames} frames and read a clip '
            f'of {CLIP}, median of {args.clips}, {where}; '
            f'{", ".join(versions)}')


def main() -> None:
    args = parse_args()
    _common.import_plugin()
    from _benchmark.machine import in_words, machine
    from _benchmark.readers import available
    from _benchmark.report import write
    from _benchmark.videos import generate
    readers, left_out = available(generate(videos(args)[0], args.videos))
    command = shlex.join(
        ['python', 'tools/analysis_tools/benchmark_decode.py', *sys.argv[1:]])
    found = machine('cpu')
    report = dict(
        machine=found, command=command,
        description=describe(args, readers, in_words(found)),
        left_out=left_out, rows=measure(args, readers))
    text = to_markdown(report)
    print(text, end='')
    if args.out:
        write(report, text, args.out)


if __name__ == '__main__':
    main()
