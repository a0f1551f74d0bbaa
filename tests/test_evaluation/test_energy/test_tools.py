"""The command line tools, run in this process."""
import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / 'tools/analysis_tools'
CONFIG = ROOT / 'configs/respike_tiny_motion_shapes.py'
# A stock TSN on decoded videos.
TSN = '''
default_scope = 'mmaction'
model = dict(
    type='Recognizer2D',
    backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
                  dilations=(1, ), out_indices=(0, )),
    cls_head=dict(type='TSNHead', num_classes={num_classes}, in_channels=64,
                  average_clips='prob'),
    data_preprocessor=dict(type='ActionDataPreprocessor', mean=[114.0] * 3,
                           std=[58.0] * 3, format_shape='NCHW'))
val_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='CheckedVideoDataset', ann_file='{test}', test_mode=True,
        data_prefix=dict(video='{folder}'), num_classes={num_classes},
        pipeline=[
            dict(type='VideoInit'),
            dict(type='SampleFrames', clip_len=1, num_clips=2),
            dict(type='VideoDecode'),
            dict(type='Resize', scale=(32, 32), keep_ratio=False),
            dict(type='FormatShape', input_format='NCHW'),
            dict(type='PackActionInputs')]))
'''


@pytest.fixture
def run(monkeypatch):
    """Call a tool's ``main`` with arguments."""

    def call(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        monkeypatch.setattr(sys, 'path', [*sys.path])
        return runpy.run_path(str(TOOLS / name))['main']()

    return call


@pytest.fixture
def tsn(tmp_path, video_set):
    path = tmp_path / 'tsn.py'
    path.write_text(TSN.format(**video_set._asdict()))
    return path


def test_energy_on_random_clips(run, tmp_path, capsys):
    run('energy.py', CONFIG, '--random', '--samples', 3, '--batch-size', 2,
        '--frame-size', 64, 64, '--rule', 'paper', 'strict', 'memory',
        '--pj-mac', 2, '--out', tmp_path / 'energy', '--fail-on-unknown')
    content = json.loads((tmp_path / 'energy.json').read_text())
    assert content['samples'] == 3 and content['unknown'] == []
    assert set(content['totals']) == {'paper', 'strict', 'memory'}
    assert content['constants']['pj_mac'] == 2
    paper = content['totals']['paper']
    assert paper['energy_mj'] == pytest.approx(
        (2 * paper['macs'] + 0.9 * paper['syops']) * 1e-9)
    # Key frames pass an ANN, residual frames the SNN's twelve time steps.
    rows = {(row['name'], row['op']): row for row in content['layers']}
    stem = rows['snn_backbone.stem.conv', 'conv']
    assert stem['macs'] == 12 * 32 * 32 * 27 * 16 and stem['input'] == 'float'
    assert rows['backbone.conv1', 'conv']['branch'] == 'ANN'
    printed = capsys.readouterr().out
    assert 'cross-attention' in printed and 'energy.png' in printed


def test_energy_of_a_checkpoint_on_videos(run, tsn, tmp_path):
    from mmaction.apis import init_recognizer
    weights = init_recognizer(str(tsn), device='cpu').state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'weights.pth')
    run('energy.py', tsn, tmp_path / 'weights.pth', '--out',
        tmp_path / 'energy', '--amp')
    content = json.loads((tmp_path / 'energy.json').read_text())
    assert content['samples'] == 3  # the whole test set
    assert content['unknown'] == []
    first = content['layers'][0]
    assert first['branch'] == 'preprocessing'
    conv = next(x for x in content['layers']
                if x['name'] == 'backbone.conv1.conv')
    assert conv['macs'] == 2 * 16 * 16 * 147 * 64  # two frames a video
    run('energy.py', tsn, '--samples', 1, '--out', tmp_path / 'one')
    content = json.loads((tmp_path / 'one.json').read_text())
    assert content['samples'] == 1


@pytest.mark.parametrize('wrapper', [
    "dict(type='RepeatDataset', times=2, dataset={})",
    "dict(type='ConcatDataset', datasets=[{0}, {0}])",
])
def test_energy_of_wrapped_data_sets(run, tsn, tmp_path, wrapper, capsys):
    """Three videos twice, two clips of three frames each."""
    tsn.write_text(tsn.read_text().replace('clip_len=1', 'clip_len=3') + f"""
inner = val_dataloader['dataset']
val_dataloader['dataset'] = {wrapper.format('inner')}
""")
    run('energy.py', tsn, '--out', tmp_path / 'energy')
    assert '6 samples, 12 clips' in capsys.readouterr().out
    run('energy.py', tsn, '--random', '--samples', 1, '--frame-size', 64, 64)
    assert '1 samples, 2 clips' in capsys.readouterr().out


def test_energy_refuses_a_checkpoint_of_other_shapes(run, tsn, tmp_path):
    from mmaction.apis import init_recognizer
    weights = init_recognizer(str(tsn), device='cpu').state_dict()
    weights['cls_head.fc_cls.bias'] = torch.zeros(99)
    torch.save(dict(state_dict=weights), tmp_path / 'x.pth')
    with pytest.raises(SystemExit, match='x.pth is not a checkpoint of .*tsn'
                       '.py: .*another shape 1'):
        run('energy.py', tsn, tmp_path / 'x.pth', '--out', tmp_path / 'energy')
    assert not list(tmp_path.glob('energy*'))


def test_fail_on_unknown_ends_with_the_name(run, tsn, tmp_path, capsys,
                                            monkeypatch):
    from mmaction.models import TSNHead
    forward = TSNHead.forward

    def odd(self, x, num_segs, **kwargs):
        torch.linalg.svdvals(x[0, 0])
        return forward(self, x, num_segs, **kwargs)

    monkeypatch.setattr(TSNHead, 'forward', odd)
    args = ('energy.py', tsn, '--samples', 1, '--out', tmp_path / 'energy')
    run(*args)
    assert 'svd' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='svd'):  # a message is status 1
        run(*args, '--fail-on-unknown')
    content = json.loads((tmp_path / 'energy.json').read_text())
    assert content['unknown'][0]['layers'] == ['cls_head']
    assert 'Unknown operations' in (tmp_path / 'energy.md').read_text()


class Step(nn.Module):
    """An activation of zeros and ones."""

    def __init__(self, inplace):
        super().__init__()

    def forward(self, x):
        return (x > 0).to(x)


def test_energy_of_named_neurons(run, tsn, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, 'Step', Step)
    tsn.write_text(tsn.read_text().replace(
        'depth=18', "depth=18, act_cfg=dict(type='Step')"))
    args = ('energy.py', tsn, '--random', '--samples', 1, '--frame-size', 64,
            64, '--out', tmp_path / 'energy')
    run(*args)
    content = json.loads((tmp_path / 'energy.json').read_text())
    assert 'no spiking neuron was recognised' in content['warning']
    run(*args, '--neurons', 'Step')
    content = json.loads((tmp_path / 'energy.json').read_text())
    assert content['warning'] == ''
    assert content['input_shapes'] == [[2, 3, 32, 32]]
    neurons = {x['name'] for x in content['layers'] if x['op'] == 'neuron'}
    assert 'backbone.layer1.0.conv1.activate' in neurons
    with pytest.raises(SystemExit, match="--neurons: .*'Stop'"):
        run(*args, '--neurons', 'Stop')


def test_energy_names_a_missing_dataloader(run, tsn):
    with pytest.raises(SystemExit, match='no test_dataloader.*--split'):
        run('energy.py', tsn, '--split', 'test')


@pytest.mark.parametrize('args, message', [
    (('missing.py', ), 'missing.py does not exist'),
    ((CONFIG, 'missing.pth'), 'missing.pth does not exist'),
])
def test_energy_says_what_is_missing(run, args, message):
    with pytest.raises(SystemExit, match=message):
        run('energy.py', *args)


def test_random_clips_need_a_decoding_step():
    from respike_mm.evaluation.energy.random_clips import random_batches
    with pytest.raises(ValueError, match='decoding step.*PackActionInputs'):
        next(random_batches([dict(type='PackActionInputs')], 1, 1))


def test_random_clips_of_transforms_that_are_classes():
    """MMEngine's new style of configs."""
    from mmaction.registry import TRANSFORMS
    from mmengine.config import Config

    from respike_mm.evaluation.energy.random_clips import random_batches
    pipeline = Config.fromfile(CONFIG).test_pipeline
    classes = [dict(step, type=TRANSFORMS.get(step['type']))
               for step in pipeline]
    one, other = (next(random_batches(x, 1, 1)) for x in (pipeline, classes))
    assert torch.equal(one['inputs'][0], other['inputs'][0])


def test_overhead_is_printed_and_written(run, tmp_path, capsys):
    run('benchmark_energy_overhead.py', CONFIG, '--random', '--samples', 2,
        '--batch-size', 2, '--rounds', 1, '--frame-size', 64, 64, '--out',
        tmp_path / 'new/overhead.md')
    printed = capsys.readouterr().out
    assert printed.endswith((tmp_path / 'new/overhead.md').read_text())
    row = printed.splitlines()[-1].split('|')
    assert row[1].strip() == 'respike_tiny_motion_shapes'
    assert 0.05 < float(row[2]) < 0.6  # it fires
    assert float(row[5]) > 0 and float(row[8]) > 0


def test_accuracy_energy_plot(run, tmp_path):
    for name, energy in (('a', 1.), ('b', 20.)):
        (tmp_path / f'{name}.json').write_text(
            json.dumps(dict(totals=dict(strict=dict(energy_mj=energy)))))
    out = tmp_path / 'plots/plot.png'
    run('plot_accuracy_energy.py', out, '--point', 's=4', '60,1.5',
        tmp_path / 'a.json', '--point', 's=8', 55, tmp_path / 'b.json',
        '--group', 'ReSpike', '--point', 'TSN', 70, tmp_path / 'b.json')
    assert out.read_bytes().startswith(b'\x89PNG')
    for point, message in ((('x', 'much', tmp_path / 'a.json'), 'much'),
                           (('x', 1, tmp_path / 'none.json'), 'none.json'),
                           (('x', 1, __file__), 'x')):
        with pytest.raises(SystemExit, match=message):
            run('plot_accuracy_energy.py', out, '--point', *point)
    with pytest.raises(SystemExit, match="rule 'paper'"):
        run('plot_accuracy_energy.py', out, '--rule', 'paper', '--point', 'x',
            1, tmp_path / 'a.json')
