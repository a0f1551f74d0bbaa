"""Checking and re-encoding: sizes, key frames, frames kept, cut-off files."""
import struct

import av
import mini_archives as mini
import numpy as np
import pytest
from _prepare.video import Encoding, find_defect, reencode, scaled_size
from video_fixtures import write_video


@pytest.fixture(params=['.avi', '.mp4'])
def video(request, tmp_path):
    path = tmp_path / f'video{request.param}'
    path.write_bytes(mini.video_bytes(tmp_path, request.param, frames=40))
    return path


@pytest.mark.parametrize('size, short_side, expected', [
    ((320, 240), 256, (320, 240)),  # never enlarged
    ((1280, 720), 256, (456, 256)),  # 455.1 to an even number
    ((720, 1280), 256, (256, 456)),
    ((341, 257), 300, (340, 256)),  # odd sizes lose a line
])
def test_scaled_size(size, short_side, expected):
    assert scaled_size(*size, short_side) == expected


def test_good_video_has_no_defect(video):
    assert find_defect(video) is None


@pytest.mark.parametrize('share', [0, 0.01, 0.3, 0.6, 0.9])
def test_cut_off_video_has_a_defect(video, share):
    content = video.read_bytes()
    video.write_bytes(content[:int(share * len(content))])
    assert find_defect(video)


def test_avi_without_its_index_is_a_defect(tmp_path):
    """All its frames are there, but decord crashes on it."""
    path = tmp_path / 'video.avi'
    content = mini.video_bytes(tmp_path, '.avi')
    path.write_bytes(content[:content.find(b'idx1')])
    assert find_defect(path) == 'shorter than its AVI header says'


def test_text_in_place_of_a_video_is_a_defect(tmp_path):
    path = tmp_path / 'video.mp4'
    path.write_text('<html>Not found</html>')
    assert find_defect(path)


def test_mp4_cut_off_in_its_last_frame_is_a_defect(video, tmp_path):
    """Its index is at the front and says nothing of the cut."""
    path = tmp_path / 'front.mp4'
    with av.open(str(video)) as reader, av.open(
            str(path), 'w', options=dict(movflags='faststart')) as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for packet in reader.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                writer.mux(packet)
    assert find_defect(path) is None
    path.write_bytes(path.read_bytes()[:-20])
    assert find_defect(path) == 'cut off after 39 frames'


@pytest.mark.parametrize('announced, defect', [
    (42, None), (43, '40 of 43 frames')])
def test_too_few_frames_are_a_defect(announced, defect, tmp_path):
    path = tmp_path / 'video.avi'
    content = bytearray(mini.video_bytes(tmp_path, '.avi', frames=40))
    struct.pack_into('<I', content, content.find(b'strh') + 40, announced)
    path.write_bytes(content)
    assert find_defect(path) == defect


def test_mp4_that_plays_from_a_later_frame_is_good(tmp_path):
    path = tmp_path / 'video.mp4'
    content = bytearray(mini.video_bytes(tmp_path, '.mp4', frames=40))
    # The start in the edit list, in ticks of a 512th of a frame.
    struct.pack_into('>i', content, content.find(b'elst') + 16, 14 * 512)
    path.write_bytes(content)
    assert len(decode(path)) == 26
    assert find_defect(path) is None


@pytest.mark.parametrize('first, last', [(0, 5), (15, 22), (36, 39)])
def test_frames_without_content_are_a_defect(first, last, tmp_path):
    """The first, the middle or the last frames, with a sound index."""
    path = tmp_path / 'video.avi'
    content = bytearray(mini.video_bytes(tmp_path, '.avi', frames=40))
    start = content.find(b'movi') + 4
    end = content.find(b'idx1')
    number = 0
    while start < end:
        size = struct.unpack_from('<I', content, start + 4)[0]
        if first <= number <= last:
            content[start + 8:start + 8 + size] = bytes(size)
        start += 8 + size + size % 2
        number += 1
    assert number == 40
    path.write_bytes(content)
    assert find_defect(path)


def decode(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format='rgb24')
                for frame in container.decode(video=0)]


def test_reencode_keeps_frames_and_sets_size_and_key_frames(video, tmp_path):
    copy = tmp_path / 'copy.mp4'
    reencode(video, copy, Encoding(short_side=32, gop=8, crf=10))
    frames = decode(copy)
    assert len(frames) == 40
    assert frames[0].shape == (32, 48, 3)
    # Each frame is the one of the same number: others differ by about 60.
    for small, large in zip(frames, decode(video)):
        shrunk = large.reshape(32, 2, 48, 2, 3).mean((1, 3))
        assert np.abs(small - shrunk).mean() < 12
    assert find_defect(copy) is None
    assert not list(tmp_path.glob('.*.part'))


@pytest.mark.parametrize('gop, expected', [(8, [0, 8, 16, 24, 32]),
                                           (30, [0, 30])])
def test_reencode_spaces_key_frames(gop, expected, tmp_path):
    still = np.full((40, 64, 96, 3), 90, np.uint8)
    path = write_video(tmp_path / 'video.mp4', still)
    copy = tmp_path / 'copy.mp4'
    reencode(path, copy, Encoding(short_side=32, gop=gop, crf=18))
    with av.open(str(copy)) as container:
        packets = [packet for packet in container.demux(video=0)
                   if packet.size]
    packets.sort(key=lambda packet: packet.pts)
    assert [number for number, packet in enumerate(packets)
            if packet.is_keyframe] == expected


def test_reencode_turns_videos_that_were_filmed_upright(tmp_path):
    path = tmp_path / 'video.mp4'
    content = mini.video_bytes(tmp_path, '.mp4')
    # The matrix of a track's header, here a quarter turn clockwise.
    place = content.find(b'tkhd') + 4 + 40
    one, w = 1 << 16, 1 << 30
    quarter = struct.pack('>9i', 0, one, 0, -one, 0, 0, 0, 0, w)
    path.write_bytes(content[:place] + quarter + content[place + 36:])
    copy = tmp_path / 'copy.mp4'
    reencode(path, copy, Encoding(short_side=64, gop=8, crf=10))
    expected = np.rot90(decode(path)[5], -1)
    got = decode(copy)[5]
    assert got.shape == expected.shape == (96, 64, 3)
    assert np.abs(got.astype(float) - expected).mean() < 12
