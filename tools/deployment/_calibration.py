"""Training clips whose ranges fix the scales of int8."""
from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import Tensor, nn


def calibration_clips(cfg: 'Config', model: 'nn.Module',
                      count: int) -> 'Tensor':
    """Clips of training videos, taken as the test set's are.

    Args:
        cfg: With ``train_dataloader`` and ``test_dataloader``.
        model: Whose data preprocessor they go through.
        count: How many videos, one view each, drawn with a fixed seed; all
            where there are fewer.

    Returns:
        Normalised segments ``[count, K, s, C, H, W]``.

    Raises:
        SystemExit: If ``count`` is not above zero, or the config has no list
            of training videos.
    """
    if count < 1:
        raise SystemExit(f'--clips must be at least 1, got {count}')
    import torch
    from mmengine.runner import Runner
    train = cfg.get('train_dataloader', {}).get('dataset', {})
    while 'ann_file' not in train and 'dataset' in train:  # a wrapper
        train = train.dataset
    if 'ann_file' not in train:
        raise SystemExit(
            'int8 of all products is fitted to training clips: give the '
            'config a train_dataloader.dataset with an ann_file')
    loader = deepcopy(cfg.test_dataloader)
    loader.dataset = deepcopy(train)
    loader.dataset.update(
        pipeline=cfg.test_dataloader.dataset.pipeline, test_mode=True)
    loader.update(
        batch_size=1, sampler=dict(type='DefaultSampler', shuffle=True))
    if 'on_error' in loader.dataset:  # of CheckedVideoDataset alone
        loader.dataset.on_error = 'raise'  # 'skip' goes not with test_mode
    clips = [
        model.data_preprocessor(batch)['inputs'][:, 0]
        for batch in islice(Runner.build_dataloader(loader, seed=0), count)
    ]
    return torch.cat(clips)
