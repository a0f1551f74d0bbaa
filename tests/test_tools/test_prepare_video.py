"""Checking and re-encoding: damage, sizes, key frames, frames kept."""
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


@pytest.fixture(params=['.avi', '.mp4'])
def long_video(request, tmp_path):
    """200 frames: MPEG-4 in AVI or H.264 in MP4, each with key frames."""
    path = tmp_path / 'long.avi'
    path.write_bytes(mini.video_bytes(tmp_path, '.avi', frames=200))
    if request.param == '.mp4':
        path, original = path.with_suffix('.mp4'), path
        reencode(original, path, Encoding(short_side=64, gop=16, crf=18))
    return path


def packets(path):
    """Positions and sizes of the frames in a file, in decoding order."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size)
                for packet in container.demux(video=0) if packet.size]


def remux(source, target, frames=slice(None), before=(), **options):
    """Copies some frames unchanged, after other bytes in place of frames."""
    with av.open(str(source)) as reader, \
            av.open(str(target), 'w', options=options) as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        copied = [packet for packet in reader.demux(stream) if packet.size]
        copied = [av.Packet(content) for content in before] + copied[frames]
        for time, packet in enumerate(copied):
            packet.stream, packet.time_base = copy, 1 / stream.average_rate
            packet.pts = packet.dts = time
            writer.mux(packet)


def test_good_video_has_no_defect(video):
    assert find_defect(video) is None


def test_titles_that_are_no_utf8_are_no_defect(tmp_path):
    path, title = tmp_path / 'x.mp4', b'Cafe Strasse'
    with av.open(str(path), 'w') as writer:
        writer.metadata['title'] = title.decode()
        output = writer.add_stream('mpeg4', rate=25)
        output.width = output.height = 64
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(
                np.zeros((64, 64, 3), np.uint8), 'rgb24')
            writer.mux(output.encode(frame))
        writer.mux(output.encode())
    content = path.read_bytes()
    assert title in content
    path.write_bytes(content.replace(title, b'Caf\xe9 Stra\xdfe '))
    with pytest.raises(UnicodeDecodeError):
        av.open(str(path))
    assert find_defect(path) is None
    reencode(path, tmp_path / 'y.mp4', Encoding(32, gop=8, crf=18))
    assert find_defect(tmp_path / 'y.mp4') is None


def test_good_long_video_has_no_defect(long_video):
    assert find_defect(long_video) is None


@pytest.mark.parametrize('first, last', [(110, 180), (37, 37)])
def test_damage_anywhere_is_a_defect(first, last, long_video):
    """Away from the start, the middle and the end, with a sound index."""
    content = bytearray(long_video.read_bytes())
    for position, size in packets(long_video)[first:last + 1]:
        content[position:position + size] = bytes(size)
    long_video.write_bytes(content)
    assert find_defect(long_video).startswith(f'frame {first}: ')


def test_damage_that_the_decoder_conceals_is_a_defect(long_video):
    """A frame comes out, patched with parts of the one before."""
    content = bytearray(long_video.read_bytes())
    position, size = packets(long_video)[96]
    half = position + size // 2
    content[half:position + size] = bytes(position + size - half)
    long_video.write_bytes(content)
    assert len(decode(long_video)) == 200
    assert find_defect(long_video) == 'frame 96 is damaged'


def test_frames_that_the_decoder_keeps_back_are_a_defect(tmp_path):
    """Without the first key frame H.264 starts at the next, in silence."""
    whole, path = tmp_path / 'whole.mp4', tmp_path / 'rest.mp4'
    (tmp_path / 'video.avi').write_bytes(
        mini.video_bytes(tmp_path, '.avi', frames=40))
    reencode(tmp_path / 'video.avi', whole, Encoding(64, gop=16, crf=18))
    remux(whole, path, slice(10, None))
    assert find_defect(path) == 'only 24 of 30 frames decode'


def test_bytes_in_place_of_delayed_frames_are_no_defect(tmp_path):
    """Encoders that reorder frames may begin an AVI file like this."""
    video, path = tmp_path / 'video.avi', tmp_path / 'delayed.avi'
    video.write_bytes(mini.video_bytes(tmp_path, '.avi'))
    remux(video, path, before=[b'\x7f'] * 3)
    assert len(packets(path)) == mini.FRAMES + 3
    assert find_defect(path) is None


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


def test_unknown_codec_is_a_defect(tmp_path):
    path = tmp_path / 'video.avi'
    content = mini.video_bytes(tmp_path, '.avi')
    path.write_bytes(content.replace(b'XVID', b'zzzz'))
    assert find_defect(path) == 'a codec that FFmpeg does not know'


def test_placeholders_alone_are_a_defect(tmp_path):
    video, path = tmp_path / 'video.avi', tmp_path / 'hollow.avi'
    video.write_bytes(mini.video_bytes(tmp_path, '.avi'))
    remux(video, path, slice(0), before=[b'\x7f'] * 3)
    assert find_defect(path) == 'no frames'


def test_mp4_cut_off_in_its_last_frame_is_a_defect(video, tmp_path):
    """Its index is at the front and says nothing of the cut."""
    path = tmp_path / 'front.mp4'
    remux(video, path, movflags='faststart')
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
