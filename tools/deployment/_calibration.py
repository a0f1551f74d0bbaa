"""Training clips whose ranges fix the scales of int8."""
from copy import deepcopy
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
    import numpy as np
    import torch
    from mmaction.registry import DATASETS
    from mmengine.dataset import pseudo_collate
    train = cfg.get('train_dataloader', {}).get('dataset', {})
    while 'ann_file' not in train and 'dataset' in train:  # a wrapper
        train = train.dataset
    if 'ann_file' not in train:
        raise SystemExit(
            'int8 of all products is fitted to training clips: give the '
            'config a train_dataloader.dataset with an ann_file')
    videos = deepcopy(train)
    videos.update(pipeline=cfg.test_dataloader.dataset.pipeline,
                  test_mode=True)
    dataset = DATASETS.build(videos)
    order = np.random.default_rng(0).permutation(len(dataset))[:count]
    clips = [
        model.data_preprocessor(pseudo_collate([dataset[int(i)]]))['inputs']
        for i in order
    ]
    return torch.cat([views[:, 0] for views in clips])
