"""A ReSpike that trains in milliseconds, for tools that train many times.

It is ``configs/respike_tiny_motion_shapes.py`` at a quarter of its width, on
frames of 32 x 32, with dropout: every source of random numbers is there.
"""
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/respike_tiny_motion_shapes.py'


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
