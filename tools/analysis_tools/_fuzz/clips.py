"""Small good clips in several containers and pixel formats, by PyAV."""
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Sequence

import av
import numpy as np

# Frame number 3 follows after a pause, others after a stutter.
UNEVEN_PTS = (0, 1, 2, 12, 13, 15, 16, 17, 30, 31, 33, 34, 35, 36, 60, 61)


class Clip(NamedTuple):
    """How to write one clip."""
    suffix: str
    codec: str = 'mpeg4'
    pix_fmt: str = 'yuv420p'
    size: tuple = (96, 64)
    num_frames: int = 16
    pts: Optional[Sequence[int]] = None
    options: Dict[str, str] = {}
    audio: bool = False
    video: bool = True


# Damaged copies are made of these.
GOOD = (
    Clip('.mp4'),
    Clip('.mp4', options=dict(movflags='faststart')),  # the index first
    Clip('.mp4', 'libx264'),
    Clip('.avi'),
    Clip('.mkv', 'libx264'),
    Clip('.webm', 'libvpx'),
)
# Clips in order, though unusual.
UNUSUAL = (
    ('one frame', Clip('.mp4', num_frames=1)),
    ('one frame', Clip('.avi', num_frames=1)),
    ('one frame', Clip('.mkv', 'libx264', num_frames=1)),
    ('odd size', Clip('.mp4', size=(65, 47))),
    ('odd size', Clip('.avi', size=(33, 17))),
    ('odd size', Clip('.mp4', 'libx264', 'yuv444p', (31, 63))),
    ('tiny size', Clip('.mp4', size=(16, 2))),
    ('tiny size', Clip('.avi', size=(2, 16))),
    ('4:2:2, 4:4:4, grey', Clip('.mp4', 'libx264', 'yuv422p')),
    ('4:2:2, 4:4:4, grey', Clip('.mp4', 'libx264', 'yuv444p')),
    ('4:2:2, 4:4:4, grey', Clip('.mkv', 'libx264', 'yuv444p')),
    ('4:2:2, 4:4:4, grey', Clip('.mp4', 'libx264', 'gray')),
    ('10 bit', Clip('.mp4', 'libx264', 'yuv420p10le')),
    ('10 bit', Clip('.mkv', 'libx264', 'yuv444p10le')),
    ('other codecs', Clip('.mp4', 'libx265')),
    ('other codecs', Clip('.webm', 'libvpx-vp9')),
    ('other codecs', Clip('.avi', 'mjpeg', 'yuvj420p')),
    ('variable frame rate', Clip('.mp4', 'libx264', pts=UNEVEN_PTS)),
    ('variable frame rate', Clip('.mkv', 'libx264', pts=UNEVEN_PTS)),
    ('with sound', Clip('.mp4', audio=True)),
    ('with sound', Clip('.mkv', 'libx264', audio=True)),
)


def frames(num_frames: int, size: tuple) -> np.ndarray:
    """Grey ramps that move, ``[num_frames, H, W, 3]`` uint8."""
    width, height = size
    x, y = np.arange(width), np.arange(height)[:, None]
    step = np.arange(num_frames)[:, None, None]
    ramps = (4 * (x + 2 * y) + 9 * step) % 256
    return np.repeat(ramps[..., None], 3, axis=-1).astype(np.uint8)


def write_clip(path: Path, clip: Clip) -> Path:
    """Write one clip; a clip without frames has a header all the same."""
    with av.open(str(path), 'w', options=clip.options) as container:
        if clip.audio:
            sound = container.add_stream(
                'libopus' if path.suffix == '.webm' else 'aac', rate=48000)
        if clip.video:
            stream = container.add_stream(clip.codec, rate=25)
            stream.width, stream.height = clip.size
            stream.pix_fmt = clip.pix_fmt
            stream.options = {'x265-params': 'log-level=none'} \
                if clip.codec == 'libx265' else {}
            for i, pixels in enumerate(frames(clip.num_frames, clip.size)):
                frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
                frame.pts = clip.pts[i] if clip.pts else i
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        if clip.audio:
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), 'fltp', 'mono')
            frame.sample_rate = 48000
            frame.pts = 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path
