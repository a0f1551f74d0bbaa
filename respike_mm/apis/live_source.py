"""Frames of a webcam or a stream, with errors where a read would hang."""
import queue
import threading
from typing import Iterator, Optional, Protocol, Tuple, Union

import cv2
import numpy as np

_WAITING = 32  # decoded frames that may wait for the network
_CLOSING = 2.  # seconds that a source may take to close; a stalled one hangs


class StreamError(RuntimeError):
    """A stream could not be opened, stalled, or changed its resolution."""


class Capture(Protocol):
    """What is needed of ``cv2.VideoCapture``."""

    def read(self) -> Tuple[bool, Optional[np.ndarray]]:
        """Whether there is another frame, and the frame ``[H, W, 3]``."""

    def release(self) -> None:
        """Close it."""


def open_capture(source: Union[int, str]) -> cv2.VideoCapture:
    """Open a webcam by its number, a stream or a file.

    Raises:
        StreamError: If it cannot be opened.
    """
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        kind = 'webcam' if isinstance(source, int) else 'video'
        raise StreamError(f'cannot open {kind} {source}')
    return capture


def frames_per_second(capture: cv2.VideoCapture) -> float:
    """What the source says, or 25 where it says nothing sensible."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0 < fps < 1000 else 25.


def _pump(capture: Capture, frames: queue.Queue,
          stop: threading.Event) -> None:
    """Read until the end or until told to stop; the end is a None, or what
    reading raised."""
    try:
        more = True
        while more and not stop.is_set():
            try:
                more, frame = capture.read()
                frame = frame if more else None
            except Exception as error:  # it would end this thread alone
                more, frame = False, error
            while not stop.is_set():
                try:
                    frames.put(frame, timeout=.1)
                    break
                except queue.Full:
                    continue
    finally:
        capture.release()


def live_frames(capture: Capture,
                stall_timeout: float = 10.) -> Iterator[np.ndarray]:
    """RGB frames ``[H, W, 3]`` until the stream ends.

    A thread reads ahead: OpenCV's own read cannot be interrupted. It holds
    few frames, so a network that is too slow slows the reading.

    Args:
        capture: An open source; it is released at the end.
        stall_timeout: Seconds without a frame after which to give up.

    Raises:
        StreamError: If the stream stalls, cannot be read on or changes its
            resolution.
    """
    frames: queue.Queue = queue.Queue(_WAITING)
    stop = threading.Event()
    reader = threading.Thread(
        target=_pump, args=(capture, frames, stop), daemon=True)
    reader.start()
    count, size = 0, None
    try:
        while True:
            try:
                frame = frames.get(timeout=stall_timeout)
            except queue.Empty:
                raise StreamError(f'the stream stalled: no frame for '
                                  f'{stall_timeout:g} s after {count} frames'
                                  ) from None
            if frame is None:
                return
            if isinstance(frame, Exception):
                raise StreamError(f'the stream cannot be read on after {count}'
                                  f' frames: {frame!r}') from frame
            if size not in (None, frame.shape[:2]):
                raise StreamError(
                    f'the stream changed its resolution from '
                    f'{size[1]}x{size[0]} to {frame.shape[1]}x'
                    f'{frame.shape[0]} after {count} frames; start again')
            size, count = frame.shape[:2], count + 1
            yield np.ascontiguousarray(frame[..., ::-1])
    finally:
        stop.set()
        # A thread inside OpenCV when the interpreter ends aborts the process.
        reader.join(_CLOSING)
