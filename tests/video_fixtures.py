"""Generated videos, good and bad, for the tests that decode real files."""
from pathlib import Path
from typing import Dict, NamedTuple

import cv2
import numpy as np
import pytest

NUM_CLASSES, VIDEOS_PER_CLASS, NUM_FRAMES, SIZE = 3, 4, 24, 64


class VideoSet(NamedTuple):
    """A folder of videos and its two lists."""
    folder: Path
    train: Path
    test: Path
    num_classes: int


def moving_square(direction: int, start: int = 0,
                  num_frames: int = NUM_FRAMES) -> np.ndarray:
    """Draw a bright square that moves: the direction is the class.

    Args:
        direction (int): 0 right, 1 down, 2 both.
        start (int): Offset of the first position in pixels.
        num_frames (int): Frames to draw.

    Returns:
        np.ndarray: uint8 frames ``(num_frames, SIZE, SIZE, 3)``, RGB. Red
        grows with the frame's index, so frames can be told apart.
    """
    frames = np.full((num_frames, SIZE, SIZE, 3), 40, np.uint8)
    for i, frame in enumerate(frames):
        step = (start + 2 * i) % (SIZE - 16)
        x = step if direction in (0, 2) else 24
        y = step if direction in (1, 2) else 24
        frame[y:y + 16, x:x + 16] = 220
        frame[..., 0] = 8 * i
    return frames


def write_video(path: Path, frames: np.ndarray, fourcc: str = 'mp4v') -> Path:
    """Write RGB frames to a file at 25 frames a second.

    Args:
        path (Path): The file; its suffix chooses the container.
        frames (np.ndarray): uint8 ``(num_frames, H, W, 3)``, RGB; may be
            empty, which gives a container without a single frame.
        fourcc (str): OpenCV's codec name. Defaults to ``'mp4v'``.

    Returns:
        Path: ``path``.
    """
    height, width = frames.shape[1:3]
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*fourcc), 25, (width, height))
    assert writer.isOpened(), f'OpenCV cannot write {path.suffix} here'
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


@pytest.fixture(scope='session')
def video_set(tmp_path_factory) -> VideoSet:
    """3 classes x 4 videos of 24 frames, 64 x 64; one of each for testing."""
    root = tmp_path_factory.mktemp('video_set')
    folder = root / 'videos'
    folder.mkdir()
    lists = dict(train='', test='')
    for label in range(NUM_CLASSES):
        for i in range(VIDEOS_PER_CLASS):
            name = f'class{label}_{i}.mp4'
            write_video(folder / name, moving_square(label, start=5 * i))
            lists['train' if i else 'test'] += f'{name} {label}\n'
    for split, text in lists.items():
        (root / f'{split}.txt').write_text(text)
    return VideoSet(folder, root / 'train.txt', root / 'test.txt', NUM_CLASSES)


@pytest.fixture(scope='session')
def bad_videos(tmp_path_factory) -> Dict[str, Path]:
    """Files no decoder can read, by what is wrong with them."""
    root = tmp_path_factory.mktemp('bad_videos')
    good = write_video(root / 'good.mp4', moving_square(0)).read_bytes()
    avi = write_video(root / 'good.avi', moving_square(0), 'XVID').read_bytes()
    random = np.random.default_rng(0)
    contents = {
        'garbage.mp4': random.bytes(4096),
        'empty.mp4': b'',
        'truncated.mp4': good[:len(good) // 2],
        'truncated.avi': avi[:len(avi) // 2],
        'text.mp4': b'<html>404 not found</html>\n',
    }
    videos = {}
    for name, content in contents.items():
        (root / name).write_bytes(content)
        videos[name] = root / name
    videos['zero_frames.mp4'] = write_video(root / 'zero_frames.mp4',
                                            moving_square(0, num_frames=0))
    videos['missing.mp4'] = root / 'missing.mp4'
    return videos
