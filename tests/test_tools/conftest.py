"""A tiny stock model on generated videos, and ways to run the tools."""
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'

# MMAction2's own TSN, one stage of its ResNet-18 on frames of 32 x 32.
CONFIG = '''
_base_ = 'mmaction::_base_/default_runtime.py'
model = dict(
    type='Recognizer2D',
    backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
                  dilations=(1, ), out_indices=(0, ), norm_eval=False),
    cls_head=dict(type='TSNHead', num_classes={num_classes}, in_channels=64,
                  average_clips='prob'),
    data_preprocessor=dict(type='ActionDataPreprocessor', mean=[114.0] * 3,
                           std=[58.0] * 3, format_shape='NCHW'))
pipeline = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=1, num_clips=2),
    dict(type='VideoDecode'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('img_shape', 'filename')),
]
dataset = dict(type='CheckedVideoDataset', pipeline=pipeline,
               data_prefix=dict(video='{folder}'), num_classes={num_classes})
train_dataloader = dict(
    batch_size=4, num_workers=0, dataset=dict(ann_file='{train}', **dataset),
    sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=2, num_workers=0,
    dataset=dict(ann_file='{test}', test_mode=True, **dataset),
    sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9))
default_hooks = dict(logger=dict(interval=1))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
randomness = dict(seed=7, diff_rank_seed=True)
auto_scale_lr = dict(base_batch_size=8)
'''


@pytest.fixture(scope='session')
def tiny_config(video_set, tmp_path_factory) -> Path:
    """A config of 3 training steps and 2 validation steps an epoch."""
    path = tmp_path_factory.mktemp('config') / 'tiny.py'
    path.write_text(CONFIG.format(**video_set._asdict()))
    return path


@pytest.fixture(scope='session')
def run_script():
    """Run a tool as a user would, in its own process."""

    def run(name, *args, **env) -> subprocess.CompletedProcess:
        command = [sys.executable] if name.endswith('.py') else []
        # Not the settings that the tools make themselves.
        environ = {k: v for k, v in os.environ.items()
                   if not k.startswith('MALLOC_')}
        # The shell scripts call `python`: it has to be this one.
        environ['PATH'] = os.pathsep.join(
            [str(Path(sys.executable).parent), environ['PATH']])
        environ.update(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1', **env)
        return subprocess.run(
            [*command, str(TOOLS / name), *map(str, args)],
            env=environ,
            cwd=TOOLS.parent,
            capture_output=True,
            text=True,
            timeout=300)

    return run


@pytest.fixture
def tool(monkeypatch):
    """Load a tool's functions, and call its main in this process."""
    monkeypatch.syspath_prepend(str(TOOLS))

    def load(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        return runpy.run_path(str(TOOLS / name), run_name='tool')

    return load


@pytest.fixture(scope='session')
def trained(run_script, tiny_config, tmp_path_factory):
    """The work dir and output of one real ``python tools/train.py``."""
    work_dir = tmp_path_factory.mktemp('trained')
    result = run_script('train.py', tiny_config, '--work-dir', work_dir,
                        '--amp', '--seed', '3')
    assert result.returncode == 0, result.stdout + result.stderr
    return work_dir, result
