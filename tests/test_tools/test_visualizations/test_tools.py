"""Every tool on a tiny ReSpike and generated videos, in this process."""
from pathlib import Path

import cv2
import pytest
import torch
from mmaction.apis import init_recognizer
from mmengine.config import Config
from small_respike import MODEL

PIPELINE = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=8, num_clips=2, test_mode=True),
    dict(type='VideoDecode'),
    dict(type='KeyResidualSampler', stride=4),
    dict(type='PackActionInputs'),
]


def write_config(folder, video_set, model=MODEL):
    """A config and matching weights."""
    cfg = Config(dict(
        default_scope='mmaction', model=dict(model, neck=model['neck']),
        test_pipeline=PIPELINE,
        val_dataloader=dict(dataset=dict(
            type='CheckedVideoDataset', ann_file=str(video_set.test),
            data_prefix=dict(video=str(video_set.folder)), test_mode=True,
            pipeline=PIPELINE))))
    cfg.dump(folder / 'tiny.py')
    torch.manual_seed(0)
    net = init_recognizer(cfg, device='cpu')
    torch.save(dict(state_dict=net.state_dict()), folder / 'weights.pth')
    return folder / 'tiny.py', folder / 'weights.pth'


@pytest.fixture(scope='module')
def model(video_set, tmp_path_factory):
    return write_config(tmp_path_factory.mktemp('model'), video_set)


@pytest.fixture(autouse=True)
def import_path(monkeypatch):
    tools = Path(__file__).resolve().parents[3] / 'tools'
    monkeypatch.syspath_prepend(str(tools / 'visualizations'))


@pytest.fixture
def run(tool, model):

    def call(name, *args):
        functions = tool(f'visualizations/{name}', *model, *args)
        functions['_sample'].run(functions['main'])

    return call


@pytest.fixture
def titles(monkeypatch):
    """Headings of the figures saved; drawing them takes long."""
    from matplotlib.figure import Figure
    from PIL import Image
    seen = []

    def savefig(figure, file, **kwargs):
        seen.append(figure.get_suptitle())
        Image.new('RGB', (4, 4)).save(file, 'PNG')

    monkeypatch.setattr(Figure, 'savefig', savefig)
    return seen


def test_browse_sampler(tool, model, tmp_path, titles):
    functions = tool('visualizations/browse_sampler.py', model[0], '--split',
                     'val', '--index', 0, 2, '--view', 1, '--out', tmp_path)
    functions['main']()
    assert sorted(p.name for p in tmp_path.iterdir()) == ['val_0.png',
                                                          'val_2.png']
    assert 'class0_0.mp4' in titles[0] and 'class2_0.mp4' in titles[1]


def test_a_picture_is_drawn(run, video_set, tmp_path):
    # Dollars would be formulas to matplotlib.
    video = tmp_path / 'clip $1_$2.mp4'
    video.write_bytes((video_set.folder / 'class1_0.mp4').read_bytes())
    run('attention_map.py', '--out', tmp_path / 'a.png', '--video', video)
    assert (tmp_path / 'a.png').read_bytes().startswith(b'\x89PNG')


def test_attention_still_strip_and_video(run, video_set, tmp_path, titles):
    run('attention_map.py', '--out', tmp_path / 'a.png', '--stage', 2,
        '--query', 40, 10, '--head', 1)
    assert 'head 1, 8 x 8 key-frame tokens' in titles[0]
    assert 'chosen by its place' in titles[0]
    run('attention_map.py', '--out', tmp_path / 'b.png', '--strip')
    assert 'mean of heads, 2 x 2' in titles[1]
    assert 'motion energy' in titles[1]
    video = video_set.folder / 'class1_0.mp4'
    run('attention_map.py', '--out', tmp_path / 'c.mp4', '--video', video,
        '--top-k', 4)
    capture = cv2.VideoCapture(str(tmp_path / 'c.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 8
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * 256


def test_spikes(run, tmp_path, titles):
    run('spikes.py', '--index', 1, '--out', tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        'layers.png', 'rate_maps.png', 'raster.png'}
    assert all('val sample 1' in title for title in titles)


def test_grad_cam(run, tmp_path, titles):
    labels = tmp_path / 'labels.txt'
    labels.write_text('a\nb\nc\nd\ne\n')
    run('grad_cam.py', '--index', 1, '--use-label', '--labels', labels,
        '--out', tmp_path / 'cam.png', '--ann-layer', 'backbone/layer3')
    assert 'val sample 1: b, score' in titles[0]
    assert 'backbone/layer3' in titles[0]


@pytest.mark.parametrize('name, args, match', [
    ('attention_map.py', ('--query', 64, 0), 'outside the frame: x is 0 to'),
    ('attention_map.py', ('--top-k', 9), 'from 1 to 4'),
    ('attention_map.py', ('--segment', 2, '--top-k', 1), 'segments 0 to 1'),
    ('attention_map.py', ('--view', 2), 'no view 2'),
    ('attention_map.py', ('--index', 3), 'no sample 3: .* 0 to 2'),
    ('attention_map.py', ('--split', 'train'), 'no train_dataloader'),
    ('attention_map.py', ('--video', 'none.mp4'), 'none.mp4 does not exist'),
    ('spikes.py', ('--layers', 'layer9'), "no such layers: .'layer9'"),
    ('grad_cam.py', ('--ann-layer', 'backbone/layer9'), 'layer9'),
])
def test_bad_input_is_one_line(name, args, match, run, tmp_path):
    with pytest.raises(SystemExit, match=match):
        run(name, '--out', tmp_path / 'x.png', *args)
    assert not list(tmp_path.iterdir())


def test_a_video_that_cannot_be_read(run, bad_videos, tmp_path):
    path = bad_videos['zero_frames.mp4']
    with pytest.raises(SystemExit, match='cannot read video .*zero_frames'):
        run('spikes.py', '--out', tmp_path / 'x', '--video', path)


def test_a_network_without_fusion(tool, video_set, tmp_path):
    paths = write_config(tmp_path, video_set, dict(MODEL, neck=None))
    functions = tool('visualizations/attention_map.py', *paths, '--out',
                     tmp_path / 'x.png')
    with pytest.raises(SystemExit, match='no cross-attention'):
        functions['_sample'].run(functions['main'])
