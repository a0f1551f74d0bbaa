import pickle
import sys

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from torch.utils.data import DataLoader
from video_fixtures import moving_square, write_video

from respike_mm.datasets.checked_video_dataset import (CheckedVideoDataset,
                                                       VideoReadError)
from respike_mm.datasets.transforms.video_init import VideoInit

def torchcodec_works():
    try:
        VideoInit(backend='torchcodec')
    except ImportError:
        return False
    return True


BACKENDS = [
    'decord', 'pyav',
    pytest.param('torchcodec', marks=pytest.mark.skipif(
        not torchcodec_works(),
        reason='torchcodec or the FFmpeg libraries are not installed'))
]
BAD = [
    'garbage.mp4', 'empty.mp4', 'truncated.mp4', 'truncated.avi', 'text.mp4',
    'zero_frames.mp4', 'missing.mp4'
]


def reading(backend, **sampling):
    sampling = sampling or dict(clip_len=8, num_clips=1, test_mode=True)
    return [
        dict(type='mmaction.VideoInit', backend=backend),
        dict(type='mmaction.SampleFrames', **sampling),
        dict(type='mmaction.VideoDecode')
    ]


def one_video(path, pipeline, **kwargs):
    ann_file = path.parent / f'{path.stem}_list.txt'
    ann_file.write_text(f'{path} 0\n')
    return CheckedVideoDataset(str(ann_file), pipeline, **kwargs)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', BAD)
def test_bad_video_is_named(bad_videos, name, backend):
    dataset = one_video(bad_videos[name], reading(backend), prepare='do this')
    with pytest.raises(VideoReadError) as info:
        dataset[0]
    message = str(info.value)
    assert message.startswith(f'cannot read video {bad_videos[name]}: ')
    assert 'Replace or re-encode' in message
    assert 'do this' in message and '\n' not in message
    if name == 'missing.mp4':
        assert 'No such file' in message
        assert isinstance(info.value.__cause__, FileNotFoundError)
    if name == 'truncated.avi':
        assert 'truncated: ' in message


@pytest.fixture(scope='module')
def index_first(tmp_path_factory):
    """A video whose index precedes its data, and where each frame starts."""
    av = pytest.importorskip('av')
    path = tmp_path_factory.mktemp('index_first') / 'whole.mp4'
    with av.open(
            str(path), 'w', options=dict(movflags='faststart')) as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = 'yuv420p'
        for frame in moving_square(0):
            frame = av.VideoFrame.from_ndarray(frame, format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        return path, [packet.pos for packet in container.demux(video=0)]


@pytest.mark.parametrize('backend', ['decord', 'pyav'])
def test_video_cut_inside_a_frame(index_first, tmp_path, backend):
    """torchcodec does not say so; `--verify` of the data scripts does."""
    path, starts = index_first
    pipeline = reading(backend, clip_len=24, test_mode=True)
    assert len(one_video(path, pipeline)[0]['imgs']) == 24
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(path.read_bytes()[:starts[18] - 5])
    with pytest.raises(VideoReadError, match=r'cut\.mp4') as info:
        one_video(cut, pipeline)[0]
    assert info.value.__cause__ is not None


def test_opened_video_without_frames(index_first, tmp_path):
    path, starts = index_first
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(path.read_bytes()[:starts[0]])
    with pytest.raises(VideoReadError, match='VideoInit.* finds no frames'):
        one_video(cut, reading('pyav'))[0]


def test_mmactions_pyav_cannot_count_matroska(tmp_path):
    path = write_video(tmp_path / 'clip.mkv', moving_square(0), 'XVID')
    pipeline = [dict(type='mmaction.PyAVInit'), *reading('pyav')[1:]]
    with pytest.raises(VideoReadError, match='PyAVInit.* finds no frames'):
        one_video(path, pipeline)[0]


@pytest.mark.parametrize('backend', BACKENDS)
def test_video_cut_between_frames_is_a_shorter_one(index_first, tmp_path,
                                                   backend):
    path, starts = index_first
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(path.read_bytes()[:starts[18]])
    clip = one_video(cut, reading(backend, clip_len=20, test_mode=True))[0]
    assert clip['total_frames'] == 18
    assert clip['frame_inds'].tolist() == [*range(18), 0, 1]


def test_mmactions_own_readers_are_checked_too(bad_videos):
    for opener, decoder in (('DecordInit', 'DecordDecode'), ('PyAVInit',
                                                             'PyAVDecode')):
        pipeline = reading('decord')
        pipeline[0] = dict(type=f'mmaction.{opener}')
        pipeline[2] = dict(type=f'mmaction.{decoder}')
        with pytest.raises(VideoReadError, match=r'garbage\.mp4'):
            one_video(bad_videos['garbage.mp4'], pipeline)[0]


def test_read_error_crosses_dataloader_workers(bad_videos):
    dataset = one_video(bad_videos['garbage.mp4'], reading('decord'))
    loader = DataLoader(dataset, num_workers=1)
    with pytest.raises(VideoReadError, match=r'garbage\.mp4'):
        next(iter(loader))
    error = pickle.loads(pickle.dumps(VideoReadError('why')))
    assert type(error) is VideoReadError and str(error) == 'why'


@pytest.mark.parametrize('test_mode', [False, True])
def test_bad_video_is_not_replaced_by_another(video_set, bad_videos, tmp_path,
                                              test_mode):
    good = video_set.folder / 'class0_0.mp4'
    (tmp_path / 'list.txt').write_text(
        f'{good} 0\n{bad_videos["garbage.mp4"]} 1\n')
    dataset = CheckedVideoDataset(
        str(tmp_path / 'list.txt'), reading('decord'), test_mode=test_mode)
    assert len(dataset[0]['imgs']) == 8
    for _ in range(3):
        with pytest.raises(VideoReadError):
            dataset[1]


class Broken(BaseTransform):

    def transform(self, results):
        raise RuntimeError('a bug of ours')


class Dropping(BaseTransform):

    def transform(self, results):
        return None


class TooFar(BaseTransform):

    def transform(self, results):
        results['frame_inds'] = np.arange(90, 98)
        return results


@pytest.mark.parametrize('place', [0, 1, 2, 3])
def test_pipeline_bug_is_not_called_a_read_error(video_set, place):
    pipeline = reading('decord')
    pipeline.insert(place, Broken())
    dataset = one_video(video_set.folder / 'class0_0.mp4', pipeline)
    with pytest.raises(RuntimeError, match='^a bug of ours$') as info:
        dataset[0]
    assert not isinstance(info.value, VideoReadError)


def test_wrong_use_of_a_reader_is_not_called_a_read_error(video_set):
    path = video_set.folder / 'class0_0.mp4'
    opener, sampler, decoder = reading('decord')
    with pytest.raises(KeyError, match='frame_inds'):
        one_video(path, [opener, decoder])[0]
    with pytest.raises(KeyError, match='needs a VideoInit'):
        one_video(path, [
            dict(type='mmaction.DecordInit'), sampler, decoder])[0]
    with pytest.raises(IndexError, match='Out of bound'):
        one_video(path, [opener, TooFar(), decoder])[0]


@pytest.mark.parametrize('test_mode', [False, True])
def test_a_dropped_sample_is_an_error(video_set, test_mode):
    path = video_set.folder / 'class0_0.mp4'
    dataset = one_video(
        path, [*reading('decord'), Dropping()], test_mode=test_mode)
    with pytest.raises(RuntimeError, match=r'Dropping.*class0_0\.mp4'):
        dataset[0]


@pytest.mark.parametrize('backend', BACKENDS)
def test_short_video_starts_again(tmp_path, backend):
    path = write_video(tmp_path / 'short.mp4', moving_square(0, num_frames=3))
    clip = one_video(path, reading(backend))[0]
    assert clip['frame_inds'].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    np.testing.assert_array_equal(clip['imgs'][0], clip['imgs'][3])
    assert (clip['imgs'][0] != clip['imgs'][1]).any()


@pytest.mark.parametrize('suffix, fourcc', [('mp4', 'mp4v'), ('avi', 'XVID'),
                                            ('mkv', 'XVID')])
@pytest.mark.parametrize('backend', BACKENDS)
def test_all_backends_give_the_written_frames(tmp_path, suffix, fourcc,
                                              backend):
    written = moving_square(2)
    path = write_video(tmp_path / f'clip.{suffix}', written, fourcc)
    sampling = dict(clip_len=8, frame_interval=2, test_mode=True)
    clips = []
    for name in (backend, 'decord'):
        clip = one_video(path, reading(name, **sampling))[0]
        assert clip['total_frames'] == 24
        assert clip['original_shape'] == clip['img_shape'] == (64, 64)
        assert clip['video_reader'] is None
        clips.append(np.stack(clip['imgs']).astype(int))
    indices = clip['frame_inds']
    assert indices.tolist() == list(range(4, 20, 2))
    assert abs(clips[0] - clips[1]).max() <= 3
    # Red differs by 16 from one sampled frame to the next.
    error = abs(clips[0] - written[indices].astype(int))
    assert error[..., 0].mean() < 6


def test_unknown_backend():
    with pytest.raises(ValueError,
                       match="'opencv'.*'decord', 'pyav', 'torchcodec'"):
        VideoInit(backend='opencv')


def test_missing_pyav_is_named_at_start_up(video_set, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(ImportError, match=r'respike_mm\[pyav\]'):
        one_video(video_set.folder / 'class0_0.mp4', reading('pyav'))
    VideoInit(backend='decord')


def test_missing_torchcodec_is_named_at_start_up(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchcodec.decoders', None)
    with pytest.raises(ImportError, match='torchcodec.*package ffmpeg'):
        VideoInit(backend='torchcodec')
