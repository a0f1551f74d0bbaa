import json
import os
import pickle
import sys

import numpy as np
import pytest
import torch
from action_samples import label_of, restored, score_of
from free_port import free_port
from mmengine.config import Config
from tiny_respike import SMALLEST, settled, write_config


def test_dumps_predictions(trained, tiny_config, tool, tmp_path, capfd):
    checkpoint = trained[0] / 'epoch_1.pth'
    dump = tmp_path / 'predictions.pkl'
    tool('test.py', tiny_config, checkpoint, '--work-dir', tmp_path, '--dump',
         dump)['main']()
    predictions = list(map(restored, pickle.loads(dump.read_bytes())))
    assert [int(label_of(sample)) for sample in predictions] == [0, 1, 2]
    scores = np.stack([score_of(sample) for sample in predictions])
    assert scores.shape == (3, 3)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    accuracy = (scores.argmax(1) == [0, 1, 2]).mean()
    assert f'acc/top1: {accuracy:.4f}' in capfd.readouterr().out


def test_saves_videos_with_predictions(trained, tiny_config, tool, tmp_path):
    """The config has no visualization hook: the option adds it."""
    tool('test.py', tiny_config, trained[0] / 'epoch_1.pth', '--work-dir',
         tmp_path, '--show-dir', tmp_path / 'shown')['main']()
    frames = sorted(tmp_path.glob('shown/**/*.png'))
    assert len(frames) == 3 * 2
    for label in range(3):
        assert sum(f'class{label}_0.mp4' in str(path) for path in frames) == 2


def test_a_resumed_trainings_config_is_tested_not_resumed(tool):
    test = tool('test.py', 'a.py', 'a.pth')
    cfg = Config(dict(resume=True, load_from=None))
    test['apply_args'](cfg, test['parse_args']())
    assert (cfg.load_from, cfg.resume) == ('a.pth', False)


def test_show_options_reach_the_configs_own_hook(tool):
    test = tool('test.py', 'a.py', 'a.pth', '--show', '--interval', 5,
                '--wait-time', 0.5)
    hook = dict(type='OurVisualizationHook', enable=False)
    cfg = Config(dict(default_hooks=dict(visualization=hook)))
    test['apply_args'](cfg, test['parse_args']())
    assert cfg.default_hooks.visualization == dict(
        type='OurVisualizationHook',
        enable=True,
        show=True,
        out_dir=None,
        interval=5,
        wait_time=0.5)


@pytest.mark.parametrize('args, message', [
    (['tiny.py', 'none.pth'], 'checkpoint none.pth does not exist'),
    (['none.py', __file__], 'config none.py does not exist'),
])
def test_missing_files_are_named(tool, args, message):
    with pytest.raises(SystemExit, match=message):
        tool('test.py', *args)['main']()


def test_dump_must_be_a_pickle_file(tool, capsys):
    with pytest.raises(SystemExit):
        tool('test.py', 'a.py', 'a.pth', '--dump', 'a.json')['main']()
    assert 'a.json' in capsys.readouterr().err


def test_hooks_in_two_processes(video_set, run_script, tmp_path):
    """Pictures once, of the main process's samples; energy of all."""
    config = write_config(tmp_path / 'config.py')
    with config.open('a') as file:
        file.write(f'''
test_dataloader = dict(
    batch_size=1, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CheckedVideoDataset', pipeline=test_pipeline, test_mode=True,
        ann_file='{video_set.train}', num_classes={video_set.num_classes},
        data_prefix=dict(video='{video_set.folder}')))
test_evaluator = dict(type='AccMetric')
test_cfg = dict(type='TestLoop')
env_cfg = dict(dist_cfg=dict(backend='gloo'))
visualizer = dict(
    type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
custom_imports = dict(imports=['respike_mm', 'tiny_respike'])
custom_hooks = [
    dict(type='ClipPicturesHook', pictures=['sampler', 'attention'], stage=1,
         num_samples=2, sample_interval=2, top_k=1),
    dict(type='EnergyHook', num_samples=4),
]
''')
    torch.save(settled(**SMALLEST).state_dict(), tmp_path / 'x.pth')
    result = run_script('dist_test.sh', config, tmp_path / 'x.pth', 2,
                        '--work-dir', tmp_path / 'run', PORT=free_port(),
                        PYTHONPATH=os.pathsep.join(sys.path))
    assert result.returncode == 0, result.stdout + result.stderr
    pictures = {path.name for path in tmp_path.glob('run/**/test_*.png')}
    assert pictures == {f'test_{index}_{name}_0.png' for index in (0, 4)
                        for name in ('sampler', 'attention')}
    metrics, = tmp_path.glob('run/*/2*.json')
    metrics = json.loads(metrics.read_text())
    assert 0 <= metrics['acc/top1'] <= 1
    report, = tmp_path.glob('run/**/energy.json')
    report = json.loads(report.read_text())
    assert (report['samples'], report['clips']) == (4, 8)  # two of each
