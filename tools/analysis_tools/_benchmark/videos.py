"""Generated videos that cost a decoder about what real ones do."""
from fractions import Fraction
from pathlib import Path
from typing import Iterator, NamedTuple

import av
import numpy as np

# Key frames at most so far apart: x264's and FFmpeg's own defaults.
DEFAULT_GOP = dict(h264=250, mpeg4=12)
ENCODERS = dict(
    h264=('libx264', dict(crf='18', preset='veryfast')),
    mpeg4=('mpeg4', dict(qscale='3', flags='+qscale', global_quality='354')))
SUFFIX = dict(h264='.mp4', mpeg4='.avi')


class Clip(NamedTuple):
    """What to generate; ``gop`` is the distance of key frames."""
    codec: str
    width: int
    height: int
    frames: int
    gop: int


def pictures(clip: Clip) -> Iterator[np.ndarray]:
    """uint8 ``(H, W, 3)``: a camera pans over texture, with sensor noise."""
    rng = np.random.default_rng(0)
    shape = clip.height + 128, clip.width + 2 * clip.frames
    coarse = rng.integers(0, 160, (shape[0] // 16 + 1, shape[1] // 16 + 1, 3))
    texture = coarse.repeat(16, 0).repeat(16, 1)[:shape[0], :shape[1]]
    texture = texture + rng.integers(0, 60, texture.shape)
    noise = rng.integers(0, 24, (clip.height + 16, clip.width, 3))
    for t in range(clip.frames):
        top = int(64 + 60 * np.sin(t / 9))
        view = texture[top:top + clip.height, 2 * t:2 * t + clip.width]
        shift = 7 * t % 16
        yield (view + noise[shift:shift + clip.height]).astype(np.uint8)


def generate(clip: Clip, folder: Path) -> Path:
    """Write a clip, unless it lies there already.

    Raises:
        ValueError: If there is no such codec.
    """
    if clip.codec not in ENCODERS:
        raise ValueError(f'no codec {clip.codec!r}; {list(ENCODERS)}')
    name = '{}_{}x{}_{}f_gop{}'.format(*clip) + SUFFIX[clip.codec]
    path = folder / name
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    encoder, options = ENCODERS[clip.codec]
    part = path.with_name(f'part_{name}')
    with av.open(str(part), 'w') as writer:
        stream = writer.add_stream(
            encoder, rate=Fraction(25), options={**options,
                                                 'g': str(clip.gop)})
        stream.width, stream.height = clip.width, clip.height
        stream.pix_fmt = 'yuv420p'
        for picture in pictures(clip):
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return part.rename(path)
