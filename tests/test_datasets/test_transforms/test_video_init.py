import os
from pathlib import Path

import numpy as np
import pytest
from mmaction.datasets.transforms import PyAVDecode
from video_fixtures import moving_square, write_video

from respike_mm.datasets import VideoDecode, VideoInit
from respike_mm.datasets.transforms.video_init import decode_frames

av = pytest.importorskip('av')


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / 'a.mp4', moving_square(2, num_frames=10))


@pytest.mark.parametrize('numbers', [
    [0], [9], [3, 4, 5], [7, 2, 2], [4, 10, 23]
], ids=['first', 'last', 'run', 'any order', 'past the end'])
def test_pyav_decodes_as_mmaction2(video, numbers):
    results = []
    for decode in (VideoDecode(), PyAVDecode()):
        sample = VideoInit(backend='pyav')(dict(filename=str(video)))
        sample['frame_inds'] = np.array(numbers)
        results.append(decode(sample))
    ours, theirs = results
    assert np.array_equal(ours['imgs'], theirs['imgs'])
    assert ours['img_shape'] == ours['original_shape'] == (64, 64)
    assert ours.keys() == theirs.keys() and ours['video_reader'] is None


class Frame:
    """A decoded picture that counts its conversions."""
    converted = []
    rotation = 0

    def __init__(self, number):
        self.number = number

    def to_ndarray(self, format):
        self.converted.append(self.number)
        return np.full((2, 3, 3), self.number)


class Container:

    def __init__(self, frames):
        self.frames = frames

    def decode(self, video):
        yield from map(Frame, range(self.frames))

    def seek(self, offset):
        pass


def test_only_what_is_asked_for_is_converted():
    Frame.converted.clear()
    frames = decode_frames(Container(10**9), [5, 2, 5])
    assert [frame.max() for frame in frames] == [5, 2, 5]
    assert Frame.converted == [2, 5]


def test_a_marked_turn_is_made(monkeypatch):
    # 90 degrees to the left: the right column becomes the top row.
    monkeypatch.setattr(Frame, 'rotation', 90)
    picture = np.arange(6).reshape(2, 3, 1)
    monkeypatch.setattr(Frame, 'to_ndarray', lambda self, format: picture)
    turned, = decode_frames(Container(1), [0])
    assert turned[..., 0].tolist() == [[2, 5], [1, 4], [0, 3]]


def test_no_frame():
    with pytest.raises(ValueError, match='no frame'):
        decode_frames(Container(0), [0])


def test_a_video_that_ends_early_is_not_started_again():
    assert len(decode_frames(Container(4), [0, 3], 6)) == 2
    with pytest.raises(ValueError, match='only 4 of 6 frames'):
        decode_frames(Container(4), [0, 5], 6)


def test_decord_leaks_no_refused_content(tmp_path):
    """decord never frees the memory of content that it cannot open."""
    path = tmp_path / 'a.mp4'
    path.write_bytes(bytes(2**20))
    page_file = Path('/proc/self/statm')
    before = int(page_file.read_text().split()[1])
    for _ in range(50):
        with pytest.raises(RuntimeError):
            VideoInit()(dict(filename=str(path)))
    grown = int(page_file.read_text().split()[1]) - before
    assert grown * os.sysconf('SC_PAGE_SIZE') < 25 * 2**20
