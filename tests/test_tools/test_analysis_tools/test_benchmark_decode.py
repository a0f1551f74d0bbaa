import json

import numpy as np
import pytest

av = pytest.importorskip('av')

from _benchmark import readers as readers_module  # noqa: E402
from _benchmark.readers import READERS, available  # noqa: E402
from _benchmark.videos import Clip, generate  # noqa: E402

NAMES = [name for name in READERS if not name.startswith('torchcodec')]


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('videos')


@pytest.fixture(params=['h264', 'mpeg4'])
def clip(request):
    return Clip(request.param, 96, 64, 40, 12)


def test_generated_video(clip, folder):
    path = generate(clip, folder)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == (
            clip.codec, 96, 64)
        frames = list(container.decode(stream))
    assert len(frames) == 40
    keys = [i for i, frame in enumerate(frames) if frame.key_frame]
    assert keys == [0, 12, 24, 36]
    written = path.stat().st_mtime_ns
    assert generate(clip, folder).stat().st_mtime_ns == written


@pytest.mark.parametrize('name', NAMES)
def test_readers_give_the_frames_asked_for(name, clip, folder):
    path = generate(clip, folder)
    with av.open(str(path)) as container:
        truth = [frame.to_ndarray(format='rgb24')
                 for frame in container.decode(video=0)]
    numbers = np.array([13, 14, 20, 39])
    found = available(path)[0][name](path, numbers)
    assert found.dtype == np.uint8 and found.shape == (4, 64, 96, 3)
    for frame, number in zip(found.astype(float), numbers):
        distances = [np.abs(frame - other).mean() for other in truth]
        assert np.argmin(distances) == number and min(distances) < 4


def test_a_reader_that_fails_is_left_out(monkeypatch, clip, folder):

    def fail():
        raise RuntimeError('\n Cannot load.\n')

    monkeypatch.setattr(readers_module, 'READERS', dict(
        broken=('av', fail), absent=('no_such_decoder', fail)))
    found, reasons = available(generate(clip, folder))
    assert not found and reasons == dict(
        broken='av fails: Cannot load.',
        absent='no_such_decoder is not installed')


def test_table(run, tmp_path, folder, capsys, monkeypatch):
    """One reader is late by a frame: its cells say so instead of a time."""

    def late(path, numbers):
        return READERS['pyav'][1]()(path, np.minimum(numbers + 1, 39))

    monkeypatch.setattr(readers_module, 'READERS', dict(
        right=READERS['pyav'], late=('av', lambda: late)))
    out = tmp_path / 'decode'
    run('benchmark_decode.py', '--codecs', 'mpeg4', '--sizes', '96x64',
        '--gops', 6, 12, '--frames', 40, '--clips', 2, '--videos', folder,
        '--out', out)
    report = json.loads(out.with_suffix('.json').read_text())
    rows = report['rows']
    assert [(row['gop'], row['sampling']) for row in rows] == [
        (6, 'dense'), (6, 'tsn'), (12, 'dense'), (12, 'tsn')]
    for row in rows:
        assert row['readers']['right']['wrong'] == 0
        assert row['readers']['late']['wrong'] > 20
        assert row['readers']['right']['cpu_s'] > 0
    text = out.with_suffix('.md').read_text()
    assert text == capsys.readouterr().out
    assert '| mpeg4 | 96x64 | 6 |' in text and ' wrong |' in text
    assert report['machine']['processor'] in report['description']


@pytest.mark.parametrize('args, message', [
    (('--sizes', '96'), 'not WIDTHxHEIGHT'),
    (('--frames', 16), 'must exceed 16'),
])
def test_bad_options(run, args, message, capsys):
    with pytest.raises(SystemExit):
        run('benchmark_decode.py', *args)
    assert message in capsys.readouterr().err
