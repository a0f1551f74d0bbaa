import http.server
import threading
import time

import cv2
import numpy as np
import pytest

from respike_mm.apis.live_source import (StreamError, frames_per_second,
                                         live_frames, open_capture)


class Camera:
    """Gives these frames, then ends, or hangs until released."""

    def __init__(self, frames, hangs=False):
        self.frames = list(frames)
        self.hangs, self.hanging = hangs, threading.Event()
        self.released = threading.Event()

    def read(self):
        if self.frames:
            return True, self.frames.pop(0)
        if self.hangs:
            self.hanging.wait(20)
        return False, None

    def release(self):
        self.released.set()


def picture(value, height=4, width=6):
    """Blue, green and red as OpenCV orders them."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[...] = (1, 2, value)
    return frame


def test_frames_in_order_as_rgb():
    camera = Camera(picture(i) for i in range(100))
    frames = list(live_frames(camera))
    assert [frame[0, 0].tolist() for frame in frames] == [
        [i, 2, 1] for i in range(100)]
    assert camera.released.wait(5)


def test_what_reading_raises_is_told():
    """And not taken for a stall."""
    camera = Camera([])
    pictures = [(True, picture(0))]
    camera.read = lambda: pictures.pop() if pictures else 1 / 0
    frames = live_frames(camera)
    assert next(frames).shape == (4, 6, 3)
    with pytest.raises(StreamError, match='read on after 1 frames: ZeroDiv'):
        next(frames)
    assert camera.released.wait(5)


def test_closed_when_the_frames_end():
    """Else the process may end while a thread is inside OpenCV: it aborts."""
    camera = Camera([picture(0)])
    camera.release = lambda: (time.sleep(.3), camera.released.set())
    assert len(list(live_frames(camera))) == 1
    assert camera.released.is_set()


class NetworkCamera(http.server.BaseHTTPRequestHandler):
    """Motion JPEG, as network cameras send it: 5 grey frames."""

    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type',
                         'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        for i in range(5):
            _, jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 40 * i,
                                                   np.uint8))
            self.wfile.write(b'--frame\r\nContent-Type: image/jpeg\r\n'
                             b'Content-Length: %d\r\n\r\n' % len(jpeg) +
                             jpeg.tobytes() + b'\r\n')

    def log_message(self, *args):
        pass


def test_network_camera(monkeypatch):
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                         NetworkCamera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        capture = open_capture(f'http://127.0.0.1:{server.server_port}/video')
        frames = list(live_frames(capture))
        server.shutdown()
    assert [int(frame.mean()) for frame in frames] == [0, 40, 80, 120, 160]
    assert all(frame.shape == (48, 64, 3) for frame in frames)


def test_a_stream_that_stalls():
    camera = Camera([picture(0)] * 3, hangs=True)
    frames = live_frames(camera, stall_timeout=1)
    assert len([next(frames) for _ in range(3)]) == 3
    with pytest.raises(StreamError, match='stalled: .* 1 s after 3 frames'):
        next(frames)
    camera.hanging.set()
    assert camera.released.wait(5)


def test_a_stream_that_changes_resolution():
    frames = live_frames(Camera([picture(0), picture(0, 8, 10)]))
    next(frames)
    with pytest.raises(StreamError, match='from 6x4 to 10x8 after 1 frames'):
        next(frames)


def test_reading_ahead_is_bounded_and_ends_with_the_reader():
    camera = Camera(picture(0) for _ in range(500))
    frames = live_frames(camera)
    next(frames)
    frames.close()
    assert camera.released.wait(5)
    assert len(camera.frames) > 400


def test_sources(video_set):
    path = next(video_set.folder.glob('*.mp4'))
    capture = open_capture(str(path))
    assert frames_per_second(capture) == 25
    assert len(list(live_frames(capture))) == 24
    with pytest.raises(StreamError, match='cannot open video none.mp4'):
        open_capture('none.mp4')


class Silent:

    def __init__(self, fps):
        self.fps = fps

    def get(self, key):
        return self.fps


@pytest.mark.parametrize('said, fps', [(30., 30.), (0., 25.), (90000., 25.),
                                       (float('nan'), 25.)])
def test_frame_rates_that_make_no_sense(said, fps):
    assert frames_per_second(Silent(said)) == fps
