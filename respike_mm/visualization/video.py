"""Write frames to a video file."""
from pathlib import Path
from types import TracebackType
from typing import Optional, Sequence, Type

import cv2
import numpy as np


class VideoFile:
    """An MP4 file that is written frame by frame.

    Use it in a ``with`` block: whatever happens inside, the frames written so
    far make a file that plays.

    Args:
        path: The file; its folder is created.
        fps: Frames a second.

    Raises:
        ValueError: If the name does not end in ``.mp4``; at the first frame
            if OpenCV cannot write there; later if the size changes.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix.lower() != '.mp4':
            raise ValueError(f'videos are written as .mp4, not {self.path}')
        self._writer: Optional[cv2.VideoWriter] = None
        self._size: Sequence[int] = ()

    def __enter__(self) -> 'VideoFile':
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._writer is not None:
            self._writer.release()

    def _open(self, size: Sequence[int]) -> cv2.VideoWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(
            str(self.path), cv2.VideoWriter_fourcc(*'mp4v'), self.fps,
            (size[1], size[0]))
        if not writer.isOpened():
            raise ValueError(f'OpenCV cannot write {self.path}')
        return writer

    def write(self, frame: np.ndarray) -> None:
        """Append an RGB frame ``[H, W, 3]`` uint8."""
        # The codec stores pixels in pairs: an odd edge is left out.
        frame = frame[:frame.shape[0] // 2 * 2, :frame.shape[1] // 2 * 2]
        if self._writer is None:
            self._size = frame.shape[:2]
            self._writer = self._open(self._size)
        if frame.shape[:2] != self._size:
            raise ValueError(f'{self.path}: frame of {frame.shape[:2]} in a '
                             f'video of {self._size}')
        self._writer.write(np.ascontiguousarray(frame[..., ::-1]))


def write_video(path: Path, frames: Sequence[np.ndarray], fps: float) -> None:
    """Write RGB frames to an MP4 file, see :class:`VideoFile`."""
    with VideoFile(path, fps) as video:
        for frame in frames:
            video.write(frame)
