"""Checking and re-encoding single videos, with PyAV."""
import os
import struct
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Optional, Tuple

import av
import numpy as np
from av.video.frame import PictureType

from .state import partial

# An index may announce a frame or two that the encoder never wrote, and a
# decoder may withhold as many.
SPARE_FRAMES = 2
# Encoders leave up to so many bytes in place of frames that they drop or
# delay. They hold no picture, and not every decoder takes them.
PLACEHOLDER = 8
# Smoothing the edges of blocks takes time and finds no error.
CHEAP = {'skip_loop_filter': 'all'}
PRESET = 'veryfast'
# A clip cut out of an MP4 may hold more frames than it plays. The count in its
# header includes them.
WHOLE_FILE = {'ignore_editlist': '1'}


class Encoding(NamedTuple):
    """How a video is re-encoded (H.264 in MP4, without sound)."""
    short_side: int  # upper bound: smaller videos are not enlarged
    gop: int  # frames from one key frame to the next
    crf: int  # x264's quality, lower is better


def scaled_size(width: int, height: int, short_side: int) -> Tuple[int, int]:
    """Computes the size after a resize that keeps the aspect ratio.

    Args:
        width: Of the original, in pixels.
        height: Of the original, in pixels.
        short_side: Upper bound of the shorter side.

    Returns:
        Width and height, both even, as 4:2:0 colour requires.
    """
    scale = min(1, short_side / min(width, height))
    return tuple(max(2, round(side * scale / 2) * 2)
                 for side in (width, height))


def find_defect(path: Path) -> Optional[str]:
    """Tells why a video cannot be used.

    Every frame is decoded. What the decoder conceals counts as a defect, too.

    Args:
        path: The video.

    Returns:
        What is wrong in one line, or None for a good video.
    """
    try:
        if lacks_bytes(path):
            return 'shorter than its AVI header says'
        with av.open(str(path), options=WHOLE_FILE,
                     metadata_errors='replace') as container:
            if not container.streams.video:
                return 'no video stream'
            return decode_all(container)
    except (av.FFmpegError, OSError, ValueError) as error:
        return one_line(error)


def one_line(error: Exception) -> str:
    """Puts into one line why something failed."""
    return ' '.join(str(error).split()) or type(error).__name__


def lacks_bytes(path: Path) -> bool:
    """Tells whether the end of an AVI file is missing.

    FFmpeg plays such a file as long as only its index is lost; decord, which
    the configs read with, crashes.
    """
    with open(path, 'rb') as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != b'RIFF' or head[8:] != b'AVI ':
        return False
    return path.stat().st_size < struct.unpack('<I', head[4:8])[0] + 8


def decode_all(container: av.container.InputContainer) -> Optional[str]:
    """Decodes the video stream from its start to its end.

    Returns:
        What is wrong with it, or None.
    """
    stream = container.streams.video[0]
    if stream.codec_context is None:
        return 'a codec that FFmpeg does not know'
    stream.codec_context.thread_count = 1  # videos are checked in parallel
    stream.codec_context.options = CHEAP
    announced = stream.frames
    packets = pictures = decoded = 0
    for packet in container.demux(stream):
        if packet.is_corrupt:
            return f'cut off after {packets} frames'
        is_picture = packet.size > PLACEHOLDER
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            if is_picture:
                return f'frame {packets}: {one_line(error)}'
            frames = []
        for number, frame in enumerate(frames, decoded):
            if frame.is_corrupt:
                return f'frame {number} is damaged'
        packets += packet.size > 0  # the last is empty, for the decoder
        pictures += is_picture
        decoded += len(frames)
    if not decoded:
        return 'no frames'
    if packets < announced - SPARE_FRAMES:
        return f'{packets} of {announced} frames'
    if decoded < pictures - SPARE_FRAMES:
        return f'only {decoded} of {pictures} frames decode'
    return None


def reencode(source: Path, target: Path, encoding: Encoding) -> None:
    """Writes a smaller copy of a video with all its frames.

    Frames are spaced evenly: a clip is sampled by frame number.

    Args:
        source: The original.
        target: The copy. It appears under this name only when complete.
        encoding: Size and quality.
    """
    part = partial(target)
    with av.open(str(source), metadata_errors='replace') as reader, \
            av.open(str(part), 'w', format='mp4') as writer:
        video = reader.streams.video[0]
        rate = video.average_rate or Fraction(25)
        output = None
        for number, frame in enumerate(reader.decode(video)):
            frame = upright(frame)
            if output is None:
                output = add_output(writer, rate, frame, encoding)
            frame = frame.reformat(
                output.width, output.height, 'yuv420p',
                interpolation='BICUBIC')
            frame.pts, frame.time_base = number, 1 / rate
            # Else the original's key frames would be key frames again.
            frame.pict_type = PictureType.NONE
            writer.mux(output.encode(frame))
        if output is None:
            raise ValueError('no frames')
        writer.mux(output.encode(None))
    os.replace(part, target)


def add_output(writer: av.container.OutputContainer, rate: Fraction,
               frame: av.VideoFrame,
               encoding: Encoding) -> av.VideoStream:
    """Adds the encoded stream, of a size that follows from a first frame."""
    # One thread each: videos are already encoded in parallel.
    output = writer.add_stream(
        'libx264',
        rate=rate,
        options=dict(
            crf=str(encoding.crf),
            g=str(encoding.gop),
            preset=PRESET,
            threads='1'))
    output.width, output.height = scaled_size(frame.width, frame.height,
                                              encoding.short_side)
    output.pix_fmt = 'yuv420p'
    output.time_base = 1 / rate
    return output


def upright(frame: av.VideoFrame) -> av.VideoFrame:
    """Turns the pixels of a frame that is stored on its side.

    The copy has no display matrix, which holds the turn in the original.
    """
    if frame.rotation % 90:
        raise ValueError(f'rotated by {frame.rotation} degrees')
    if not frame.rotation:
        return frame
    image = np.rot90(frame.to_ndarray(format='rgb24'), frame.rotation // 90)
    return av.VideoFrame.from_ndarray(
        np.ascontiguousarray(image), format='rgb24')
