import pytest
import torch
from mmaction.structures import ActionDataSample
from tiny_respike import SMALLEST, settled, write_config

from respike_mm.structures import set_scores


def test_table(tool):
    """Of three videos the second row loses one and tells another apart."""
    table = tool('deployment/precision.py', 'x.py', 'x.pth')['table']
    exact = torch.tensor([[1., 0.], [0., 1.], [1., 0.]])
    other = torch.tensor([[1., 0.], [0.75, 0.25], [1., 0.]])
    lines = table(dict(exact=exact, other=other), torch.tensor([0, 1, 1]))
    assert lines[2:] == [
        '| exact | 2 of 3 | 66.67 | +0.00 | 0 | 0.0e+00 | 0.0e+00 |',
        '| other | 1 of 3 | 33.33 | -33.33 | 1 | 7.5e-01 | 2.5e-01 |',
    ]


@pytest.fixture
def config(video_set, tmp_path):
    config = write_config(tmp_path / 'config.py')
    with config.open('a') as file:
        file.write(f'''
videos = dict(
    type='CheckedVideoDataset', num_classes={video_set.num_classes},
    data_prefix=dict(video='{video_set.folder}'))
train_dataloader = dict(
    dataset=dict(
        type='RepeatDataset', times=2,
        dataset=dict(ann_file='{video_set.train}', pipeline=[], **videos)))
test_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(ann_file='{video_set.test}', pipeline=test_pipeline,
                 test_mode=True, **videos))
''')
    return config


@pytest.mark.parametrize('options', [[], ["on_error='skip'"]])
def test_calibration_clips(options, tool, config):
    """Training may skip videos; what is fitted to is as it is listed."""
    from mmengine.config import Config
    calibration_clips = tool('deployment/precision.py', 'x.py',
                             'x.pth')['calibration_clips']
    cfg = Config.fromfile(config)
    dataset = cfg.train_dataloader.dataset.dataset
    for option in options:
        key, value = option.split('=')
        dataset[key] = value.strip("'")
    clips = calibration_clips(cfg, settled(**SMALLEST), 2)
    assert clips.shape == (2, 2, 3, 3, 32, 32)
    assert dataset.get('on_error') == ('skip' if options else None)


def test_two_checkpoints(tool, config, tmp_path, capsys):
    out = tmp_path / 'out.md'
    checkpoints = [tmp_path / f'{i}.pth' for i in range(2)]
    for path in checkpoints:
        torch.save(settled(**SMALLEST).state_dict(), path)
    tool('deployment/precision.py', config, *checkpoints, '--out',
         out)['main']()
    text = out.read_text()
    assert capsys.readouterr().out.endswith(text)
    rows = [line.split(' | ') for line in text.splitlines()[6:]]
    assert [row[0] for row in rows] == [
        '| float32', '| float32, norms folded', '| bfloat16',
        '| int8 spike convolutions, rest float32',
        '| int8 spike convolutions, rest bfloat16']
    worst = [float(row[5]) for row in rows]
    assert worst[0] == 0 and worst[1] < 1e-5  # of probabilities
    assert min(worst[2:]) > worst[1] and max(worst) < 0.2


def test_clips_kept_apart_are_averaged(tool, config):
    """Two views of a video, of which the surer decides."""
    predict = tool('deployment/precision.py', 'x.py', 'x.pth')['predict']
    views = torch.tensor([[.9, .1], [.4, .6]])

    def network(data_samples, **kwargs):
        return [set_scores(x, views) for x in data_samples]

    sample = set_scores(ActionDataSample().set_gt_label(1), views)
    scores, labels = predict(
        dict(one=(network, False)), lambda batch: batch,
        [dict(data_samples=[sample, sample])])
    assert torch.allclose(scores['one'], torch.tensor([[.65, .35]] * 2))
    assert labels.tolist() == [1, 1]


def test_openvino(tool, config, tmp_path):
    for name in ('onnx', 'onnxscript', 'onnxruntime', 'openvino'):
        pytest.importorskip(name)
    torch.save(settled(**SMALLEST).state_dict(), tmp_path / 'x.pth')
    out = tmp_path / 'out.md'
    tool('deployment/precision.py', config, tmp_path / 'x.pth', '--openvino',
         '--clips', 3, '--work-dir', tmp_path / 'work', '--out', out)['main']()
    rows = [line.split(' | ') for line in out.read_text().splitlines()[-3:]]
    assert [row[0] for row in rows] == [
        '| OpenVINO, bfloat16',
        '| OpenVINO, int8 spike convolutions, rest bfloat16',
        '| OpenVINO, int8, rest bfloat16']
    differences = [float(row[5]) for row in rows]
    assert all(0 < difference < 0.2 for difference in differences)
    sizes = [(tmp_path / f'work/precision/recognizer{suffix}.onnx').stat()
             .st_size for suffix in ('_int8_all', '_int8_spikes', '')]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3
