"""A ReSpike that trains in milliseconds, for tools that train many times.

It is ``configs/respike_tiny_motion_shapes.py`` at a quarter of its width, on
frames of 32 x 32, with dropout: every source of random numbers is there.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/respike_tiny_motion_shapes.py'
WORK_DIR_HELP = ('folder for data and runs; emptied first if this tool made '
                 'it, refused if anything else is in it (default: '
                 '%(default)s)')


def empty_folder(folder: Path, parser: argparse.ArgumentParser) -> Path:
    """Make ``--work-dir``, or clear away what this tool left in it.

    A marker tells its folders from others, which end the tool with an error.
    """
    folder = folder.resolve()
    marker = folder / f'.made_by_{parser.prog}'
    if folder.exists() and not marker.exists() and not (
            folder.is_dir() and not any(folder.iterdir())):
        parser.error(f'--work-dir {folder} was not made by this tool, which '
                     'would delete what is there; name a new folder or '
                     'delete it yourself')
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    marker.touch()
    return folder


def make_data(folder: Path) -> None:
    """Generate 32 training and 16 validation clips, once."""
    if not (folder / 'train.txt').is_file():
        subprocess.run([
            sys.executable,
            str(ROOT / 'tools/data/make_motion_shapes.py'), '--out',
            str(folder), '--train-per-class', '2', '--val-per-class', '1',
            '--workers', '1'
        ], check=True, stdout=subprocess.DEVNULL)


def tiny_config(data: Path, work_dir: Path) -> 'Config':
    """The config, seeded, without validation; a checkpoint an epoch.

    Args:
        data: Folder of :func:`make_data`.
        work_dir: For checkpoints and logs.
    """
    from mmengine.config import Config, ConfigDict
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({
        'model.backbone.stem_channels': 4,
        'model.backbone.base_channels': 4,
        'model.snn_backbone.base_channels': 4,
        'model.neck.head_channels': 4,
        'model.neck.num_groups': 2,
        'model.cls_head.dropout_ratio': 0.2,
        'train_dataloader.batch_size': 4,
        'train_dataloader.dataset.ann_file': str(data / 'train.txt'),
        'train_dataloader.dataset.data_prefix.video': str(data),
        'default_hooks.logger.interval': 1,
        'randomness': dict(seed=0),
        'work_dir': str(work_dir),
    })
    for transform in cfg.train_dataloader.dataset.pipeline:
        if transform.type == 'SampleFrames':
            transform.clip_len = 8
        if transform.type == 'RandomCrop':
            transform.size = 32
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.visualizer = ConfigDict(type='ActionVisualizer')
    return cfg
