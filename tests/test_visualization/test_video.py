import cv2
import numpy as np
import pytest

from respike_mm.visualization.captions import draw_caption
from respike_mm.visualization.video import VideoFile, write_video


def read(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        more, frame = capture.read()
        if not more:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(frame[..., ::-1])


def test_frames_come_back(tmp_path):
    frames = [np.full((33, 48, 3), (200, 40, 20 * i), np.uint8)
              for i in range(5)]
    write_video(tmp_path / 'new/v.mp4', frames, fps=10)
    decoded, fps = read(tmp_path / 'new/v.mp4')
    assert fps == 10 and decoded[0].shape == (32, 48, 3)
    means = [frame.mean((0, 1)) for frame in decoded]
    np.testing.assert_allclose(means, [(200, 40, 20 * i) for i in range(5)],
                               atol=8)


def test_what_was_written_plays_after_an_error(tmp_path):
    path = tmp_path / 'v.mp4'
    with pytest.raises(KeyError), VideoFile(path, 10) as video:
        video.write(np.zeros((32, 32, 3), np.uint8))
        raise KeyError
    assert len(read(path)[0]) == 1


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match='written as .mp4'):
        VideoFile(tmp_path / 'v.webm', 10)
    with VideoFile(tmp_path / 'v.mp4', 10) as video:
        video.write(np.zeros((32, 32, 3), np.uint8))
        with pytest.raises(ValueError, match='video of .32, 32'):
            video.write(np.zeros((32, 64, 3), np.uint8))


def test_captions_stand_above_the_frame():
    frame = np.full((240, 400, 3), 90, np.uint8)
    drawn = draw_caption(frame, [('jump', .5), ('run', .25)])
    assert drawn.shape == (240 + 2 * 20, 400, 3)
    assert (drawn[40:] == 90).all()
    # The bars: their upper edge has no letters on it.
    assert (drawn[0, :200] == (0, 114, 178)).all()
    assert (drawn[0, 200:] == 32).all()
    assert (drawn[20, :100] == (0, 114, 178)).all()
    assert (drawn[20, 100:] == 32).all()
    # Too small to write on.
    assert draw_caption(frame[:80, :100], [('jump', .5)]).shape == (260, 300,
                                                                    3)
