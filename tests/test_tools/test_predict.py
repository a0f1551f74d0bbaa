import csv
import os
import shutil

import cv2
import pytest
import torch
from mmaction.apis import init_recognizer, inference_recognizer
from mmengine.config import Config
from tiny_respike import SMALLEST, settled, write_config

from respike_mm.structures import scores_of

NUM_CLASSES = 3


@pytest.fixture(scope='module')
def trained_model(tiny_config, tmp_path_factory):
    """A config with a test pipeline, and weights for it."""
    cfg = Config.fromfile(tiny_config)
    cfg.test_pipeline = cfg.pipeline
    cfg.test_pipeline[1].test_mode = True  # no random clips
    cfg.model.backbone.norm_eval = True
    folder = tmp_path_factory.mktemp('model')
    cfg.dump(folder / 'tiny.py')
    torch.manual_seed(0)
    model = init_recognizer(cfg, device='cpu')
    torch.nn.init.normal_(model.cls_head.fc_cls.weight)
    torch.save(dict(state_dict=model.state_dict()), folder / 'weights.pth')
    return folder / 'tiny.py', folder / 'weights.pth'


@pytest.fixture
def predict(tool, trained_model):

    def call(*args):
        return tool('predict.py', *trained_model, *args)['main']()

    return call


@pytest.fixture
def videos(video_set, bad_videos, tmp_path):
    folder = tmp_path / 'videos'
    (folder / 'sub').mkdir(parents=True)
    shutil.copy(video_set.folder / 'class0_0.mp4', folder / 'a.mp4')
    shutil.copy(bad_videos['garbage.mp4'], folder / 'b.mp4')
    shutil.copy(bad_videos['zero_frames.mp4'], folder / 'c.mp4')
    shutil.copy(video_set.folder / 'class1_0.mp4', folder / 'sub/a.mp4')
    return folder


def rows_of(path):
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_a_folder_with_broken_files(predict, videos, trained_model, tmp_path,
                                    capsys):
    labels = tmp_path / 'labels.txt'
    labels.write_text('right\ndown\nboth\n')
    out = tmp_path / 'out.csv'
    args = (videos, '--out', out, '--labels', labels, '--top-k', 2)
    assert predict(*args, '--video-out', tmp_path / 'drawn') == 1
    rows = rows_of(out)
    names = ['a.mp4', 'b.mp4', 'c.mp4', 'sub/a.mp4']
    assert [row['video'] for row in rows] == [str(videos / n) for n in names]
    assert [bool(row['error']) for row in rows] == [0, 1, 1, 0]
    assert 'b.mp4' in rows[1]['error'] and 'c.mp4' in rows[2]['error']
    # The scores are those of MMAction2's own function.
    model = init_recognizer(str(trained_model[0]), str(trained_model[1]),
                            device='cpu')
    for row in (rows[0], rows[3]):
        scores = scores_of(inference_recognizer(model, row['video']))
        top = scores.topk(2)
        expected = [('right', 'down', 'both')[i] for i in top.indices]
        assert [row['class_1'], row['class_2']] == expected
        assert float(row['score_1']) == pytest.approx(top.values[0].item(),
                                                      abs=1e-5)
    for name in ('a.mp4', 'sub/a.mp4'):
        capture = cv2.VideoCapture(str(tmp_path / 'drawn' / name))
        assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 24
        assert capture.get(cv2.CAP_PROP_FRAME_HEIGHT) > 64  # with a caption
    # Once more: nothing is left to do, nothing changes.
    content = out.read_bytes()
    assert predict(*args) == 0
    assert out.read_bytes() == content
    assert '4 of 4 videos' in capsys.readouterr().out
    # The broken file mended.
    shutil.copy(videos / 'a.mp4', videos / 'b.mp4')
    assert predict(*args, '--retry') == 1
    rows = {row['video']: row['error'] for row in rows_of(out)}
    assert rows[str(videos / 'b.mp4')] == '' and len(rows) == 4


def test_scores_are_probabilities_whatever_the_config_averages(
        tool, trained_model, videos, tmp_path):
    """Of a model that averages logits, too."""
    config, weights = trained_model
    logits = tmp_path / 'logits.py'
    logits.write_text(f"_base_ = ['{config}']\n"
                      "model = dict(cls_head=dict(average_clips='score'))\n")
    outs = [tmp_path / 'prob.csv', tmp_path / 'logits.csv']
    for path, out in zip((config, logits), outs):
        main = tool('predict.py', path, weights, videos / 'a.mp4', '--out',
                    out)['main']
        assert main() == 0
    columns = [f'{kind}_{rank}' for rank in (1, 2, 3)
               for kind in ('class', 'score')]
    one, other = ([rows_of(out)[0][name] for name in columns] for out in outs)
    assert one == other
    assert sum(map(float, one[1::2])) == pytest.approx(1, abs=1e-3)


def test_without_a_table(predict, videos, capsys):
    assert predict(videos / 'a.mp4', videos / 'b.mp4') == 1
    lines = capsys.readouterr().out.splitlines()
    first, second = [line for line in lines if str(videos) in line]
    assert first.startswith(f'{videos / "a.mp4"}: class ')
    assert first.count('%') == NUM_CLASSES  # top-5 of three classes
    assert 'cannot read video' in second


def test_inputs_are_never_overwritten(predict, videos, capsys):
    content = (videos / 'a.mp4').read_bytes()
    assert predict(videos, '--video-out', videos) == 1
    assert 'would replace the input' in capsys.readouterr().err
    assert (videos / 'a.mp4').read_bytes() == content


def test_copies_are_kept_out_of_the_inputs(predict, videos, capsys):
    """Or the next run would recognize them, too."""
    assert predict(videos, '--video-out', videos / 'drawn') == 1
    assert f'of the folder {videos}; choose a --video-out outside it' in \
        capsys.readouterr().err
    assert not (videos / 'drawn').exists()


def test_names_that_are_no_utf8(predict, videos, tmp_path, capsys):
    """Decoders do not take them, which is no reason to stop."""
    name = os.fsdecode(b'caf\xe9.mp4')
    (videos / 'a.mp4').rename(videos / name)
    out = tmp_path / 'out.csv'
    assert predict(videos / name, videos / 'sub', '--out', out) == 1
    rows = list(csv.DictReader(
        out.read_text(errors='surrogateescape').splitlines()))
    assert [bool(row['error']) for row in rows] == [True, False]
    assert rows[0]['video'] == str(videos / name)
    assert predict(videos / name) == 1
    assert 'cannot read video' in capsys.readouterr().out


@pytest.mark.parametrize('target, match', [
    # An input that is not read yet, and two copies of one name.
    ('second', '{first}/x.mp4 would replace the input {second}/x'),
    ('out', '{first}/x.mp4 and {second}/x.mp4 would both be'),
])
def test_copies_replace_nothing(target, match, predict, video_set,
                                tmp_path, capsys):
    folders = [tmp_path / 'first', tmp_path / 'second']
    for i, folder in enumerate(folders):
        folder.mkdir()
        shutil.copy(video_set.folder / f'class{i}_0.mp4', folder / 'x.mp4')
    content = [(folder / 'x.mp4').read_bytes() for folder in folders]
    assert predict(*folders, '--video-out', tmp_path / target) == 1
    assert match.format(first=folders[0], second=folders[1]) in \
        capsys.readouterr().err
    assert [(folder / 'x.mp4').read_bytes() for folder in folders] == content
    assert not (tmp_path / 'out').exists()


def test_checkpoints_of_one_name_are_told_apart(tool, trained_model, video_set,
                                                tmp_path, capsys):
    config, checkpoint = trained_model
    weights = torch.load(checkpoint)['state_dict']
    for name, change in (('a', 0), ('again', 0), ('b', 1)):
        weights['cls_head.fc_cls.bias'][0] += change
        (tmp_path / name).mkdir()
        torch.save(dict(state_dict=weights), tmp_path / name / 'x.pth')

    def call(folder):
        return tool('predict.py', config, tmp_path / folder / 'x.pth',
                    video_set.folder / 'class0_0.mp4', '--out',
                    tmp_path / 'out.csv')['main']()

    assert [call('a'), call('again')] == [0, 0]
    content = (tmp_path / 'out.csv').read_bytes()
    name, file, digits = rows_of(tmp_path / 'out.csv')[0]['model'].split()
    assert (name, file, len(digits)) == ('tiny', 'x.pth', 8)
    capsys.readouterr()
    assert call('b') == 1
    assert f'of tiny x.pth {digits}, not of tiny x.pth ' in \
        capsys.readouterr().err
    assert (tmp_path / 'out.csv').read_bytes() == content


def test_a_file_that_is_no_table(predict, video_set, tmp_path, capsys):
    path = tmp_path / 'notes.jsonl'
    path.write_text('{"name": "anna"}\n{"name": "otto"}')
    assert predict(video_set.folder, '--out', path) == 1
    assert f'error: {path}, line 1: ' in capsys.readouterr().err
    assert path.read_text() == '{"name": "anna"}\n{"name": "otto"}'


def test_live_video(predict, video_set, tmp_path, capsys):
    path = video_set.folder / 'class0_0.mp4'
    out = tmp_path / 'live.csv'
    args = (f'file://{path}', '--every', 10, '--out', out)
    args += ('--video-out', tmp_path / 'live.mp4')
    assert predict(*args) == 1
    assert 'frame_interval (predict.py --interval)' in capsys.readouterr().err
    assert predict(*args, '--interval', 3) == 0
    # Clips of two frames: 0 and 3, then every tenth.
    assert [row['video'].split('#')[1] for row in rows_of(out)] == [
        '3', '13', '23']
    capture = cv2.VideoCapture(str(tmp_path / 'live.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 24
    assert 'ended after 24 frames' in capsys.readouterr().out


@pytest.mark.parametrize('folder', ['', 'link/'])
def test_live_video_is_not_written_over(folder, predict, video_set, tmp_path,
                                        capsys):
    path = tmp_path / 'x.mp4'
    shutil.copy(video_set.folder / 'class0_0.mp4', path)
    (tmp_path / 'link').symlink_to(tmp_path)
    content = path.read_bytes()
    assert predict(f'file://{path}', '--interval', 1, '--video-out',
                   f'{tmp_path}/{folder}x.mp4') == 1
    assert f'x.mp4 would replace the input file://{path}' in \
        capsys.readouterr().err
    assert path.read_bytes() == content


@pytest.fixture
def predict_respike(tool, tmp_path):
    """The tool with a ReSpike: clips of two segments of three frames."""
    config = write_config(tmp_path / 'respike.py')
    torch.save(dict(state_dict=settled(**SMALLEST).state_dict()),
               tmp_path / 'respike.pth')

    def call(*args):
        return tool('predict.py', config, tmp_path / 'respike.pth',
                    *args)['main']()

    return call


def test_live_respike_equals_the_clip_model(predict_respike, video_set,
                                            tmp_path, capsys):
    """Of a file played as a stream, wherever a segment ends."""
    source = f'file://{video_set.folder / "class0_0.mp4"}'
    tables = []
    for name, options in (('StreamedClip', []), ('SlidingClip', ['--clips'])):
        out = tmp_path / f'{name}.csv'
        assert predict_respike(source, '--every', 3, '--out', out,
                               *options) == 0
        assert f'HybridReSpike runs by {name}' in capsys.readouterr().out
        tables.append(rows_of(out))
    stream, clips = tables
    assert [row['video'].split('#')[1] for row in stream] == [
        '5', '8', '11', '14', '17', '20', '23']
    for row, expected in zip(stream, clips, strict=True):
        for i in range(1, 6):
            assert row[f'class_{i}'] == expected[f'class_{i}']
            assert float(row[f'score_{i}']) == pytest.approx(
                float(expected[f'score_{i}']), abs=1e-5)
    assert len({row['score_1'] for row in stream}) == len(stream)


@pytest.fixture
def compiled(monkeypatch):
    """What is given to the compiler, which runs it as it is."""
    found = []

    def record(function):
        found.append(function)
        return function

    monkeypatch.setattr(torch, 'compile', record)
    return found


def test_folded_and_compiled(predict_respike, video_set, tmp_path, compiled):
    """The same table to rounding, and rows of the same model."""
    tables = []
    for options in ((), ('--fold', '--compile')):
        assert not compiled
        out = tmp_path / f'{len(options)}.csv'
        assert predict_respike(video_set.folder / 'class0_0.mp4', '--out',
                               out, *options) == 0
        tables.append(rows_of(out)[0])
    plain, fast = tables
    method, = compiled
    assert method.__name__ == 'forward_branches'
    assert not any(isinstance(module, torch.nn.BatchNorm2d)
                   for module in method.__self__.modules())
    assert fast['model'] == plain['model']
    for i in range(1, 6):
        assert fast[f'class_{i}'] == plain[f'class_{i}']
        assert float(fast[f'score_{i}']) == pytest.approx(
            float(plain[f'score_{i}']), abs=1e-4)


def test_folded_stream(predict_respike, video_set, tmp_path):
    source = f'file://{video_set.folder / "class0_0.mp4"}'
    tables = []
    for options in ((), ('--fold', )):
        out = tmp_path / f'{len(options)}.csv'
        assert predict_respike(source, '--max-frames', 6, '--out', out,
                               *options) == 0
        tables.append(rows_of(out)[0])
    assert float(tables[0]['score_1']) == pytest.approx(
        float(tables[1]['score_1']), abs=1e-4)


def test_what_is_not_folded_or_compiled(predict, predict_respike, video_set,
                                        compiled, capsys):
    path = video_set.folder / 'class0_0.mp4'
    for option in ('--fold', '--compile'):
        assert predict(path, option) == 1
        assert 'take a HybridReSpike, not a Recognizer2D' in \
            capsys.readouterr().err
    assert predict_respike(f'file://{path}', '--compile') == 1
    assert 'add --clips' in capsys.readouterr().err


class Breaking:
    """A capture that breaks off: another size, or silence."""

    def __init__(self, sizes):
        self.sizes = list(sizes)

    def isOpened(self):
        return True

    def get(self, key):
        return 25.

    def read(self):
        import numpy as np
        if not self.sizes:
            return False, None
        size = self.sizes.pop(0)
        return True, np.zeros((size, size, 3), np.uint8)

    def release(self):
        pass


@pytest.mark.parametrize('sizes, kept, match', [
    ([32, 32, 64], 1, 'from 32x32 to 64x64 after 2 frames'),
    ([], 0, 'ended after 0 frames; the model needs 2'),
])
def test_live_video_that_breaks(sizes, kept, match, predict, monkeypatch,
                                tmp_path, capsys):
    monkeypatch.setattr(cv2, 'VideoCapture', lambda source: Breaking(sizes))
    out = tmp_path / 'live.csv'
    assert predict('rtsp://camera', '--every', 1, '--interval', 1, '--out',
                   out) == 1
    assert match in capsys.readouterr().err
    assert len(rows_of(out)) == kept


@pytest.mark.parametrize('sizes, kept, match', [
    ([32] * 8 + [64], 3, 'from 32x32 to 64x64 after 8 frames'),
    ([32] * 4, 0, 'ended after 4 frames; the model needs 6'),
])
def test_a_streamed_respike_that_breaks(sizes, kept, match, predict_respike,
                                        monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cv2, 'VideoCapture', lambda source: Breaking(sizes))
    out = tmp_path / 'live.csv'
    assert predict_respike('rtsp://camera', '--every', 1, '--out', out) == 1
    assert match in capsys.readouterr().err
    assert len(rows_of(out)) == kept


@pytest.mark.parametrize('args, match', [
    (('none.mp4', ), 'none.mp4 does not exist'),
    (('rtsp://nowhere.invalid/x', '--interval', '1'), 'cannot open video'),
    (('{video}', '--out', 'p.json'), '.csv or .jsonl'),
    (('{video}', '--labels', '{video}.txt'), 'video.*txt'),
])
def test_bad_arguments(args, match, predict, video_set, capsys, monkeypatch,
                       tmp_path):
    monkeypatch.chdir(tmp_path)
    video = video_set.folder / 'class0_0.mp4'
    assert predict(*(a.format(video=video) for a in args)) == 1
    import re
    assert re.search(match, capsys.readouterr().err)


def test_a_checkpoint_of_another_config(tool, trained_model, video_set,
                                        tmp_path, capsys):
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict={'x': torch.zeros(1)}), path)
    main = tool('predict.py', trained_model[0], path,
                next(video_set.folder.iterdir()))['main']
    assert main() == 1
    assert 'other.pth is not a checkpoint of' in capsys.readouterr().err


def test_live_video_comes_alone(tool, trained_model):
    with pytest.raises(SystemExit):
        tool('predict.py', *trained_model, '0', '1')['main']()
