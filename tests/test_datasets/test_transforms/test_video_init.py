import os
import struct
from pathlib import Path

import numpy as np
import pytest
from mmaction.datasets.transforms import Flip, PyAVDecode
from video_fixtures import moving_square, write_video

from respike_mm.datasets import VideoDecode, VideoInit
from respike_mm.datasets.transforms.pyav_frames import (UprightPyAVDecode,
                                                        decode_frames)

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


def flipped(imgs):
    """What MMAction2's ``Flip``, which works in place, makes of frames."""
    results = dict(imgs=imgs, modality='RGB', img_shape=imgs[0].shape[:2])
    return Flip(flip_ratio=1.)(results)['imgs']


@pytest.mark.parametrize('numbers', [[0, 1, 0], [0, 1, 2]],
                         ids=['repeated', 'past the end'])
def test_a_frame_that_comes_again_is_flipped_once(monkeypatch, numbers):
    monkeypatch.setattr(Frame, 'to_ndarray', lambda self, format: np.array(
        [[[1, 1, 1], [2, 2, 2]]], np.uint8) + 10 * self.number)
    frames = flipped(decode_frames(Container(2), numbers))
    assert [frame[0, :, 0].tolist() for frame in frames
            ] == [[12, 11] if n == 1 else [2, 1] for n in numbers]


def test_a_marked_turn_is_made(monkeypatch):
    # 90 degrees to the left: the right column becomes the top row.
    monkeypatch.setattr(Frame, 'rotation', 90)
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    monkeypatch.setattr(Frame, 'to_ndarray', lambda self, format: picture)
    turned, = decode_frames(Container(1), [0])
    assert turned[..., 0].tolist() == [[2, 5], [1, 4], [0, 3]]
    flipped([turned])
    assert turned[..., 0].tolist() == [[5, 2], [4, 1], [3, 0]]


def mark_as_lying(path):
    """Mark an MP4 file as to be turned by a quarter, clockwise."""
    content = bytearray(path.read_bytes())
    # The matrix of the track header, ISO/IEC 14496-12, in 16.16 and 2.30.
    start = content.index(b'tkhd') + 44
    matrix = struct.pack('>9i', 0, 2**16, 0, -2**16, 0, 0, 0, 0, 2**30)
    content[start:start + len(matrix)] = matrix
    path.write_bytes(content)


def trim(source, target, seconds):
    """Cut without encoding anew: packets in front of the cut stay, with
    times below zero, and an edit list hides them."""
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        shift = int(seconds / stream.time_base)
        for packet in old.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copy
                new.mux(packet)


def test_frames_in_front_of_a_cut_do_not_count(video, tmp_path):
    whole = VideoInit(backend='pyav')(dict(filename=str(video)))
    rate = av.open(str(video)).streams.video[0].average_rate
    trim(video, tmp_path / 'cut.mp4', 3 / rate)
    cut = VideoInit(backend='pyav')(dict(filename=str(tmp_path / 'cut.mp4')))
    assert (whole['total_frames'], cut['total_frames']) == (10, 7)
    whole['frame_inds'], cut['frame_inds'] = np.arange(3, 10), np.arange(7)
    for ours, theirs in zip(VideoDecode()(cut)['imgs'],
                            VideoDecode()(whole)['imgs']):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize('mode', ['accurate', 'efficient'])
def test_pyav_turns_in_both_modes(tmp_path, mode):
    path = write_video(tmp_path / 'a.mp4', moving_square(0)[:, :48])
    found = []
    for turn in (None, mark_as_lying):
        if turn:
            turn(path)
        sample = VideoInit(backend='pyav')(dict(filename=str(path)))
        sample['frame_inds'] = np.array([0, 0])
        found.append(VideoDecode(mode)(sample))
    lying, upright = found
    assert lying['img_shape'] == (48, 64)
    assert upright['img_shape'] == upright['original_shape'] == (64, 48)
    for before, after in zip(lying['imgs'], upright['imgs']):
        assert np.array_equal(after[:, ::-1].transpose(1, 0, 2), before)
    flipped(upright['imgs'])


def test_efficient_repeats_are_arrays_of_their_own(video, monkeypatch):
    pictures = iter([np.zeros((2, 3, 3), np.uint8), None])
    monkeypatch.setattr(UprightPyAVDecode, 'frame_generator',
                        staticmethod(lambda *_: next(pictures)))
    sample = VideoInit(backend='pyav')(dict(filename=str(video)))
    sample['frame_inds'] = np.array([0, 1])
    first, again = VideoDecode('efficient')(sample)['imgs']
    assert np.array_equal(first, again) and first is not again


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
