"""Configs train through MMEngine's runner on generated videos.

Every system of the comparison and every ablation in the same harness; then
what users do with a trained ReSpike.
"""
import copy
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from action_samples import score_of
from free_port import free_port
from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from video_fixtures import write_video

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
RESPIKE = 'respike_tiny_motion_shapes.py'
# An unchanged config of MMAction2, on the generated videos.
TSN_OF_MMACTION = '''
_base_ = ['mmaction::recognition/tsn/'
          'tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb.py']
model = dict(backbone=dict(depth=18, pretrained=None),
             cls_head=dict(in_channels=512, num_classes=16))
'''


@pytest.fixture(scope='session')
def shapes(tmp_path_factory):
    """The generated set with one training and one test clip a class."""
    folder = tmp_path_factory.mktemp('motion_shapes')
    argv, sys.argv = sys.argv, [
        'make', '--out', str(folder), '--train-per-class', '1',
        '--val-per-class', '1', '--workers', '1', '--overwrite'
    ]
    try:
        runpy.run_path(
            str(ROOT / 'tools/data/make_motion_shapes.py'),
            run_name='__main__')
    except SystemExit as end:
        assert not end.code
    finally:
        sys.argv = argv
    return folder


def tiny(path, shapes, work_dir, iters=2):
    """The config at two iterations of two clips, without downloads."""
    cfg = Config.fromfile(path)
    for split, ann_file in (('train', 'train.txt'), ('val', 'val.txt'),
                            ('test', 'val.txt')):
        loader = cfg[f'{split}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.update(
            ann_file=str(shapes / ann_file),
            data_prefix=dict(video=str(shapes)),
            indices=4)
    cfg.train_cfg = ConfigDict(
        type='IterBasedTrainLoop', max_iters=iters, val_interval=iters)
    cfg.param_scheduler = None
    cfg.optim_wrapper.optimizer.lr = 1e-3
    cfg.default_hooks.checkpoint = ConfigDict(
        type='CheckpointHook', interval=1, by_epoch=False)
    cfg.default_hooks.logger.interval = 1
    cfg.randomness = dict(seed=0)
    cfg.work_dir = str(work_dir)
    return cfg


class UsedParameters(Hook):
    """Every parameter takes part in every step.

    Else several processes would wait for its gradient, and MMEngine sets
    ``find_unused_parameters=False``.
    """

    def before_train(self, runner):
        self.used = set()
        self.all = {name for name, parameter in runner.model.named_parameters()
                    if parameter.requires_grad}
        for name, parameter in runner.model.named_parameters():
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(
                    lambda _, name=name: self.used.add(name))

    def after_train_iter(self, runner, **kwargs):
        assert self.used == self.all, self.all - self.used
        self.used.clear()


def train(cfg):
    runner = Runner.from_cfg(cfg)
    runner.register_hook(UsedParameters())
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    return runner, before, runner.train() and runner.val_loop.run()


@pytest.mark.parametrize('name', sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('*_motion_shapes.py')))
def test_every_system_trains_and_tests(name, shapes, tmp_path):
    cfg = tiny(CONFIGS / name, shapes, tmp_path)
    runner, before, _ = train(cfg)
    assert 0 <= runner.test()['acc/top1'] <= 1
    assert (tmp_path / 'iter_2.pth').is_file()
    after = runner.model.state_dict()
    moved = [k for k in before if not torch.equal(before[k], after[k])]
    assert 'cls_head.fc_cls.weight' in moved
    assert all(torch.isfinite(v).all() for v in after.values())
    assert list(tmp_path.rglob('events.out.tfevents.*')), 'no TensorBoard log'


@pytest.mark.parametrize('name', ['e4', 'e6'])
def test_parts_in_stock_recognizers(name, shapes, tmp_path):
    """Key frames in a TSN, and a spiking backbone under Recognizer2D."""
    cfg = tiny(CONFIGS / f'ablations/{name}_motion_shapes.py', shapes,
               tmp_path)
    cfg.model.pop('clip_len')
    cfg.model.type, cfg.model.cls_head.type = 'Recognizer2D', 'TSNHead'
    runner, _, metrics = train(cfg)
    assert 'acc/top1' in metrics and runner.iter == 2


def test_mmaction_config_as_base(shapes, tmp_path):
    (tmp_path / 'tsn.py').write_text(TSN_OF_MMACTION)
    runner, _, metrics = train(
        tiny(tmp_path / 'tsn.py', shapes, tmp_path / 'work'))
    assert 'acc/top1' in metrics and runner.iter == 2


@pytest.fixture(scope='module')
def trained(shapes, tmp_path_factory):
    """A ReSpike of two iterations: its config and work dir."""
    work_dir = tmp_path_factory.mktemp('respike')
    cfg = tiny(CONFIGS / RESPIKE, shapes, work_dir)
    Runner.from_cfg(cfg).train()
    cfg.dump(work_dir / 'config.py')
    return work_dir


class FirstIteration(Hook):
    """Where a training begins, and with which state of the optimizer."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not hasattr(self, 'iter'):
            self.iter = runner.iter
            self.state = copy.deepcopy(runner.optim_wrapper.state_dict())


def test_resumed_training_goes_on(trained, shapes, tmp_path):
    """Two steps and two more are four steps, optimizer state included."""
    cfg = tiny(CONFIGS / RESPIKE, shapes, tmp_path, iters=4)
    cfg.resume, cfg.load_from = True, str(trained / 'iter_2.pth')
    runner, first = Runner.from_cfg(cfg), FirstIteration()
    runner.register_hook(first)
    runner.train()
    assert first.iter == 2 and runner.iter == 4
    saved, last = (
        torch.load(path, weights_only=False)['optimizer']['state']
        for path in (trained / 'iter_2.pth', tmp_path / 'iter_4.pth'))
    assert saved.keys() == first.state['state'].keys()
    for number, state in saved.items():
        momentum = state['momentum_buffer']
        assert torch.equal(
            first.state['state'][number]['momentum_buffer'], momentum)
        assert not torch.equal(last[number]['momentum_buffer'], momentum)


def test_test_from_a_checkpoint(trained, shapes, tmp_path):
    cfg = tiny(CONFIGS / RESPIKE, shapes, tmp_path)
    cfg.load_from = str(trained / 'iter_2.pth')
    cfg.default_hooks.visualization.enable = True
    cfg.default_hooks.visualization.interval = 1
    first = Runner.from_cfg(cfg).test()
    second = Runner.from_cfg({**cfg, 'work_dir': str(tmp_path / '2')}).test()
    assert first == second
    # The visualization hook drew the clips, rebuilt from key + residual.
    assert list(tmp_path.rglob('*.png')) or list(tmp_path.rglob('*.jpg'))


def test_amp(shapes, tmp_path):
    cfg = tiny(CONFIGS / RESPIKE, shapes, tmp_path)
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    runner, before, metrics = train(cfg)
    after = runner.model.state_dict()
    frozen = [
        name for name, param in runner.model.named_parameters()
        if torch.equal(before[name], after[name])
    ]
    # Blocks end in a zero weight and the fusion in a zero projection, so
    # what lies behind them moves from the second step on; nothing stays.
    assert not frozen
    assert all(torch.isfinite(v).all() for v in after.values())


def test_two_processes(shapes, tmp_path):
    """DDP over gloo, as the README's dist_train.sh line starts it."""
    cfg = tiny(CONFIGS / RESPIKE, shapes, tmp_path)
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.dump(tmp_path / 'config.py')
    result = subprocess.run(
        [
            sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node',
            '2', '--master_port', free_port(), 'tools/train.py',
            str(tmp_path / 'config.py'), '--launcher', 'pytorch'
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / 'iter_2.pth').is_file()


def test_inference_api(trained, shapes):
    model = init_recognizer(
        str(trained / 'config.py'), str(trained / 'iter_2.pth'), device='cpu')
    video = shapes / (shapes / 'val.txt').read_text().split()[0]
    first = inference_recognizer(model, str(video))
    second = inference_recognizer(model, str(video))
    scores = [score_of(result) for result in (first, second)]
    assert scores[0].shape == (16, )
    torch.testing.assert_close(scores[0], scores[1])
    assert scores[0].sum().item() == pytest.approx(1, abs=1e-5)


def test_static_video_gives_zero_residuals(tmp_path):
    """Decoding, augmentation, splitting and normalisation, end to end."""
    frame = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    # Motion JPEG codes every frame alone, so equal frames decode equal.
    write_video(tmp_path / 'still.avi', np.stack([frame] * 24), 'MJPG')
    (tmp_path / 'list.txt').write_text('still.avi 3\n')
    cfg = Config.fromfile(CONFIGS / RESPIKE)
    dataset = DATASETS.build({
        **cfg.train_dataloader.dataset, 'ann_file':
        str(tmp_path / 'list.txt'),
        'data_prefix':
        dict(video=str(tmp_path))
    })
    item = dataset[0]
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    batch = preprocessor(
        dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
    assert batch['inputs'].shape == (1, 1, 4, 4, 3, 64, 64)
    assert (batch['inputs'][:, :, :, 1:] == 0).all()
    assert batch['inputs'][:, :, :, 0].std() > 0.1


def test_missing_data_names_the_script_that_makes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, script in ((RESPIKE, 'make_motion_shapes.py'),
                         ('respike_r50_k400.py', 'prepare_kinetics.py'),
                         ('respike_r50_ucf101_split2.py', 'prepare_ucf101.py'),
                         ('respike_r50_hmdb51_split3.py',
                          'prepare_hmdb51.py')):
        cfg = Config.fromfile(CONFIGS / name)
        with pytest.raises(FileNotFoundError, match=script):
            DATASETS.build(cfg.train_dataloader.dataset)
        assert (ROOT / 'tools/data' / script).is_file()
