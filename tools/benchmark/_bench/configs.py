"""What a config says, and the options that make it a run of the benchmark."""
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Dict, Optional

from mmengine.config import Config

from .errors import BenchmarkError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# What decides a run's figures...
DECISIVE = ('model', 'train_dataloader', 'test_dataloader', 'optim_wrapper',
            'param_scheduler', 'train_cfg')
# ...except for these, wherever they stand.
NEUTRAL = ('num_workers', 'persistent_workers', 'pin_memory', 'prepare')
# Hooks that only look on: with or without them it is the same experiment.
WATCHING = ('ClipPicturesHook', 'EnergyHook', 'SpikeRateHook')
# MMEngine's names of checkpoints, which every training has.
CHECKPOINT = re.compile(r'((epoch|iter)_\d+|latest|best_.*)\.pth')
CROPS = dict(CenterCrop=1, ThreeCrop=3, TenCrop=10)


def load_config(path: Path, options: Dict[str, Any]) -> Config:
    """Read a config and apply ``--cfg-options``.

    Raises:
        BenchmarkError: If the config is missing or trains by iterations.
    """
    if not path.is_file():
        raise BenchmarkError(f'config {path} does not exist')
    # Not the modules it names: nothing is built here.
    cfg = Config.fromfile(path, import_custom_modules=False)
    cfg.merge_from_dict(dict(options))
    if 'max_epochs' not in cfg.get('train_cfg', {}):
        raise BenchmarkError(f'{path}: train_cfg has no max_epochs; the '
                             'benchmark compares runs of as many epochs')
    return cfg


def split_options(cfg: Config, split: int) -> Dict[str, str]:
    """Options that turn a config of split 1 into one of another split.

    Raises:
        BenchmarkError: If the config's lists are not those of split 1.
    """
    options = {}
    for loader in LOADERS if split != 1 else ():
        ann_file = cfg[loader].dataset.ann_file
        if 'split_1' not in ann_file:
            raise BenchmarkError(
                f'{cfg.filename}: {loader}.dataset.ann_file={ann_file} has no '
                f'"split_1" in it to replace for split {split}')
        options[f'{loader}.dataset.ann_file'] = ann_file.replace(
            'split_1', f'split_{split}')
    return options


def epoch_options(cfg: Config, epochs: Optional[int]) -> Dict[str, int]:
    """Options for another number of epochs: the schedule ends with them.

    A warm-up keeps its length, and the cosine that goes on to the last epoch
    is shortened or prolonged.

    Raises:
        BenchmarkError: If the config's schedule is of another form.
    """
    last = cfg.train_cfg.max_epochs
    if epochs in (None, last):
        return {}
    options = {'train_cfg.max_epochs': epochs}
    schedulers = cfg.get('param_scheduler') or []
    single = isinstance(schedulers, dict)
    for i, scheduler in enumerate([schedulers] if single else schedulers):
        key = 'param_scheduler' + ('' if single else f'.{i}')
        begin = scheduler.get('begin', 0)
        if begin + scheduler.get('T_max', 0) == last and begin < epochs:
            options[f'{key}.T_max'] = epochs - begin
            if 'end' in scheduler:
                options[f'{key}.end'] = epochs
        elif scheduler.get('end', last) >= min(epochs, last):
            raise BenchmarkError(
                f'{cfg.filename}: --epochs {epochs} cannot adapt {key}, a '
                f'{scheduler["type"]} of epochs {begin} to '
                f'{scheduler.get("end", last)}; give more or write a config')
    return options


def test_options(cfg: Config) -> Dict[str, Any]:
    """Options for testing: scores of single clips, and the metric for them.

    The metric averages clips as the head would have.
    """
    average = cfg.model.cls_head.get('average_clips') or 'prob'
    return {
        'model.cls_head.average_clips': None,
        'test_evaluator._delete_': True,
        'test_evaluator.type': 'VideoAccuracy',
        'test_evaluator.average_clips': average,
    }


def digest(cfg: Config) -> str:
    """Fingerprint of all that decides a run's figures, without data folders.

    Two configs with the same fingerprint are one experiment, and a run whose
    config has another one by now is out of date.
    """
    content = {key: cfg.get(key) for key in DECISIVE}
    content = {**without_folders(content), **extras(cfg)}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def extras(cfg: Config) -> Dict[str, Any]:
    """What decides the figures too, but of few configs.

    Left out where a config does not have it: recorded fingerprints hold.
    """
    hooks = [hook for hook in cfg.get('custom_hooks') or []
             if not isinstance(hook, dict)
             or kind_of(hook) not in WATCHING]
    scale = cfg.get('auto_scale_lr') or {}
    content = dict(
        custom_hooks=without_folders(hooks),
        auto_scale_lr=scale if scale.get('enable') else None,
        load_from=cfg.get('load_from'))
    return {key: value for key, value in content.items() if value}


def without_folders(content: Any) -> Any:
    """Data may lie elsewhere on another machine: only file names count.

    But for a training's checkpoint: its name is that of any other training's.
    """
    if isinstance(content, dict):
        return {
            key: without_folders(value)
            for key, value in content.items() if key not in NEUTRAL
        }
    if isinstance(content, (list, tuple)):
        return [without_folders(value) for value in content]
    if isinstance(content, str):
        name = content.rpartition('/')[2]
        return content if CHECKPOINT.fullmatch(name) else name
    return content


def describe(cfg: Config) -> Dict[str, Any]:
    """Epochs, batch size, precision and what is seen of a test video."""
    clips, crops, size = 1, 1, None
    for transform in cfg.test_dataloader.dataset.pipeline:
        if 'clip_len' in transform:
            clips = transform.get('num_clips', 1)
        if 'crop_size' in transform:
            size = transform['crop_size']
            crops = CROPS.get(kind_of(transform), 1)
        elif kind_of(transform) == 'Resize' and not transform.get(
                'keep_ratio', True):
            size = transform['scale']
    size = max(size) if isinstance(size, (list, tuple)) else size
    return dict(
        epochs=cfg.train_cfg.max_epochs,
        batch_size=cfg.train_dataloader.batch_size,
        precision=precision(cfg),
        crop=size,
        clips=clips,
        crops=crops)


def kind_of(config: dict) -> str:
    """What it builds, by a registered name or the class itself."""
    from respike_mm.type_names import type_name  # torch takes seconds
    return type_name(config.get('type'))


def precision(cfg: Config) -> str:
    """Of training. In mixed precision, MMEngine picks a type by device."""
    wrapper = cfg.optim_wrapper
    if kind_of(wrapper) != 'AmpOptimWrapper':
        return 'float32'
    dtype = wrapper.get('dtype')
    return f'mixed, {dtype}' if dtype else 'mixed'


def as_arguments(options: Dict[str, Any]) -> list:
    """``--cfg-options`` and what belongs to it, or nothing."""
    pairs = [f'{key}={value}' for key, value in options.items()]
    return ['--cfg-options', *pairs] if pairs else []
