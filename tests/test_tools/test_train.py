import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from free_port import free_port
from mmengine.config import Config

from respike_mm.datasets.checked_video_dataset import VideoReadError


def logged_losses(work_dir: Path):
    """(epoch, iter, loss) of every training step, over all runs."""
    lines = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        lines += map(json.loads, path.read_text().splitlines())
    return [(line['epoch'], line['iter'], line['loss']) for line in lines
            if 'loss' in line]


def options(**given):
    return SimpleNamespace(
        **{
            **dict(
                seed=None,
                diff_rank_seed=False,
                deterministic=False,
                amp=False,
                no_validate=False,
                auto_scale_lr=False,
                resume=None),
            **given
        })


def test_trains_with_amp_and_the_seed_given(trained):
    work_dir, result = trained
    assert 'restarting with MALLOC_MMAP_MAX_=0' in result.stderr
    assert result.stderr.count('restarting') == 1
    cfg = Config.fromfile(work_dir / 'tiny.py')
    assert cfg.randomness == dict(seed=3, diff_rank_seed=True)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    losses = logged_losses(work_dir)
    assert [step[:2] for step in losses] == [(1, 1), (1, 2), (1, 3)]
    assert 'acc/top1' in result.stdout
    weights = torch.load(work_dir / 'epoch_1.pth', weights_only=False)
    assert weights['meta']['seed'] == 3
    assert all(value.isfinite().all()
               for value in weights['state_dict'].values())


def test_resume_continues_where_the_run_ended(trained, tiny_config, tool,
                                              tmp_path):
    start = trained[0] / 'epoch_1.pth'
    tool('train.py', tiny_config, '--work-dir', tmp_path, '--resume', start,
         '--no-validate', '--cfg-options', 'train_cfg.max_epochs=2')['main']()
    assert [step[:2] for step in logged_losses(tmp_path)] == [
        (2, 4), (2, 5), (2, 6)]
    assert not list(tmp_path.glob('best_*'))
    # Without a checkpoint: the last of the work dir.
    tool('train.py', tiny_config, '--work-dir', tmp_path, '--resume',
         '--no-validate', '--cfg-options', 'train_cfg.max_epochs=3')['main']()
    assert [step[:2] for step in logged_losses(tmp_path)][3:] == [
        (3, 7), (3, 8), (3, 9)]


# Starts the tasks as Slurm does, all of them here.
SRUN = f'''#!{sys.executable}
import os, subprocess, sys
command = sys.argv[sys.argv.index('python'):]
tasks = int(sys.argv[sys.argv.index('--ntasks') + 1])
started = [subprocess.Popen(command, env={{
    **os.environ, 'SLURM_PROCID': str(rank), 'SLURM_LOCALID': str(rank),
    'SLURM_NTASKS': str(tasks), 'SLURM_NODELIST': 'node[1-2]'
}}) for rank in range(tasks)]
sys.exit(max(task.wait() for task in started))
'''


@pytest.fixture
def slurm(tmp_path_factory):
    """PATH on which Slurm's two programs are found."""
    folder = tmp_path_factory.mktemp('slurm')
    for name, text in (('srun', SRUN),
                       ('scontrol', '#!/bin/sh\necho 127.0.0.1\n')):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return os.pathsep.join(
        map(str, (folder, Path(sys.executable).parent, os.environ['PATH'])))


@pytest.mark.parametrize('launcher', ['dist', 'slurm'])
def test_two_processes_train_together(launcher, run_script, tiny_config,
                                      tmp_path, slurm):
    if launcher == 'dist':
        result = run_script('dist_train.sh', tiny_config, 2, '--work-dir',
                            tmp_path, PORT=free_port())
    else:
        result = run_script(
            'slurm_train.sh', 'partition', 'job', tiny_config, '--work-dir',
            tmp_path, GPUS='2', PATH=slurm, MASTER_PORT=free_port())
    assert result.returncode == 0, result.stdout + result.stderr
    # 9 videos, 2 processes of batch size 4: two steps in place of three.
    assert [step[:2] for step in logged_losses(tmp_path)] == [(1, 1), (1, 2)]
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_bad_video_ends_training(tiny_config, tool, tmp_path, bad_videos):
    bad = bad_videos['garbage.mp4']
    (tmp_path / 'list.txt').write_text(f'{bad} 0\n')
    main = tool('train.py', tiny_config, '--work-dir', tmp_path,
                '--cfg-options', 'train_dataloader.dataset.ann_file='
                f'{tmp_path / "list.txt"}',
                'train_dataloader.dataset.allow_outside=True')['main']
    with pytest.raises(VideoReadError, match=f'cannot read video {bad}: '):
        main()


@pytest.mark.parametrize('given, expected', [
    (dict(), dict(seed=7, deterministic=False, diff_rank_seed=True)),
    (dict(seed=0), dict(seed=0, deterministic=False, diff_rank_seed=True)),
    (dict(deterministic=True),
     dict(seed=7, deterministic=True, diff_rank_seed=True)),
])
def test_options_override_the_configs_randomness(tool, given, expected):
    cfg = Config(
        dict(
            randomness=dict(
                seed=7, deterministic=False, diff_rank_seed=True)))
    tool('train.py')['apply_args'](cfg, options(**given))
    assert cfg.randomness == expected


def test_randomness_of_a_config_without_it(tool):
    cfg = Config()
    tool('train.py')['apply_args'](cfg, options(diff_rank_seed=True))
    assert cfg.randomness == dict(seed=None, diff_rank_seed=True)


def test_amp_keeps_the_configs_loss_scale_and_refuses_other_wrappers(tool):
    apply_args = tool('train.py')['apply_args']
    cfg = Config(dict(optim_wrapper=dict(loss_scale=512.)))
    apply_args(cfg, options(amp=True))
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale=512.)
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    with pytest.raises(SystemExit, match='ApexOptimWrapper'):
        apply_args(cfg, options(amp=True))


def test_auto_scale_lr(tool):
    apply_args = tool('train.py')['apply_args']
    cfg = Config(dict(auto_scale_lr=dict(base_batch_size=8)))
    apply_args(cfg, options(auto_scale_lr=True))
    assert cfg.auto_scale_lr == dict(base_batch_size=8, enable=True)
    with pytest.raises(SystemExit, match='base_batch_size'):
        apply_args(Config(), options(auto_scale_lr=True))


def test_misspelt_config_is_one_line(run_script):
    result = run_script('train.py', 'configs/respike_r18_ucf101_splt1.py')
    assert result.returncode == 1 and not result.stdout
    assert result.stderr.splitlines()[-1].startswith(
        'config configs/respike_r18_ucf101_splt1.py does not exist; did you '
        'mean configs/respike_r18_')
    assert 'Traceback' not in result.stderr


def test_damaged_checkpoints_are_named_and_passed_over(
        trained, tool, tiny_config, tmp_path, capsys):
    whole, torn = tmp_path / 'epoch_1.pth', tmp_path / 'epoch_2.pth'
    whole.write_bytes((trained[0] / 'epoch_1.pth').read_bytes())
    torn.write_bytes(whole.read_bytes()[:-1000])
    (tmp_path / 'last_checkpoint').write_text(str(torn))
    cfg = Config(dict(work_dir=str(tmp_path)))
    train = tool('train.py')
    train['apply_args'](cfg, options(resume='auto'))
    assert cfg.resume and cfg.load_from == str(whole)
    assert f'checkpoint {torn} is damaged' in capsys.readouterr().err
    with pytest.raises(SystemExit, match=f'{torn} is damaged'):
        train['apply_args'](cfg, options(resume=str(torn)))
    whole.unlink()
    with pytest.raises(SystemExit, match='no checkpoint in .* is whole'):
        train['apply_args'](cfg, options(resume='auto'))
    torn.unlink()
    (tmp_path / 'last_checkpoint').unlink()
    cfg = Config(dict(work_dir=str(tmp_path), load_from='start.pth'))
    train['apply_args'](cfg, options(resume='auto'))
    assert not cfg.get('resume') and cfg.load_from == 'start.pth'


def test_missing_checkpoint_to_resume_from(tool, tiny_config, tmp_path):
    missing = tmp_path / 'none.pth'
    with pytest.raises(SystemExit, match='none.pth does not exist'):
        tool('train.py', tiny_config, '--resume', missing)['main']()
