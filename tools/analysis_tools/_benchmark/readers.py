"""Ways to read frames of a video by number, each opening the file anew.

A reader takes a path and numbers ``[n]``, ascending, and gives uint8 RGB
frames ``[n, H, W, 3]``.
"""
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, Dict, Tuple

import av
import numpy as np

from respike_mm.datasets import VideoDecode, VideoInit

Reader = Callable[[Path, np.ndarray], np.ndarray]


def pipeline(backend: str) -> Reader:
    """The transforms that the configs use."""
    opening, decoding = VideoInit(backend=backend), VideoDecode()

    def read(path: Path, numbers: np.ndarray) -> np.ndarray:
        results = opening(dict(filename=str(path)))
        results['frame_inds'] = numbers
        return np.stack(decoding(results)['imgs'])

    return read


def pyav_seek(path: Path, numbers: np.ndarray) -> np.ndarray:
    """PyAV from the key frame before the first number on.

    Takes a constant frame rate and time stamps that start at zero for
    granted, which real files do not always have.
    """
    found = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = 1 / (stream.average_rate * stream.time_base)
        container.seek(int(numbers[0] * step), stream=stream)
        for frame in container.decode(stream):
            number = round(frame.pts / step)
            if number in numbers:
                found[number] = frame.to_ndarray(format='rgb24')
            if number >= numbers[-1]:
                break
    return np.stack([found[number] for number in numbers])


def opencv(path: Path, numbers: np.ndarray) -> np.ndarray:
    """OpenCV: a seek to the first number, then frame by frame."""
    import cv2
    os.environ['OPENCV_FFMPEG_CAPTURE_OPTIONS'] = 'threads;1'
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    video.set(cv2.CAP_PROP_POS_FRAMES, int(numbers[0]))
    frames = []
    for number in range(numbers[0], numbers[-1] + 1):
        video.grab()
        if number in numbers:
            frames.append(cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB))
    video.release()
    return np.stack(frames)


def torchcodec(mode: str) -> Reader:
    """torchcodec; ``approximate`` trusts the header, ``exact`` scans."""

    def read(path: Path, numbers: np.ndarray) -> np.ndarray:
        decoder = import_module('torchcodec.decoders').VideoDecoder(
            str(path), dimension_order='NHWC', num_ffmpeg_threads=1,
            seek_mode=mode)
        return decoder.get_frames_at(numbers.tolist()).data.numpy()

    return read


# Name to what the reader imports, and the reader.
READERS: Dict[str, Tuple[str, Callable[[], Reader]]] = {
    'decord': ('decord', lambda: pipeline('decord')),
    'pyav': ('av', lambda: pipeline('pyav')),
    'pyav seek': ('av', lambda: pyav_seek),
    'opencv': ('cv2', lambda: opencv),
    'torchcodec exact': ('torchcodec', lambda: torchcodec('exact')),
    'torchcodec approximate':
    ('torchcodec', lambda: torchcodec('approximate')),
}


def available(probe: Path) -> Tuple[Dict[str, Reader], Dict[str, str]]:
    """Readers by name, and why the others are left out.

    Args:
        probe: A video; some libraries fail only when they are used.
    """
    readers, reasons = {}, {}
    for name, (module, make) in READERS.items():
        if find_spec(module) is None:
            reasons[name] = f'{module} is not installed'
            continue
        try:
            reader = make()
            reader(probe, np.arange(2))
        except (ImportError, OSError, RuntimeError) as error:
            lines = [*filter(None, map(str.strip, str(error).splitlines()))]
            reasons[name] = f'{module} fails: {" ".join(lines[:2])}'
        else:
            readers[name] = reader
    return readers, reasons
