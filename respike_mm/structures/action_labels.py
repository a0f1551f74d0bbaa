"""Label and scores of a data sample, by either MMAction2's names.

1.1.0 keeps them as ``gt_labels.item`` and ``pred_scores.item``, 1.2.0 as
``gt_label`` and ``pred_score``.
"""
from typing import List

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor


def labels_of(sample: ActionDataSample) -> List[int]:
    """The true labels: one, or all of a multi-label sample.

    MMAction2 keeps labels as integers; several labels, of a data set with
    ``multi_class``, as a float vector ``[num_classes]`` that is not zero at
    them.
    """
    label = sample.gt_label if 'gt_label' in sample else sample.gt_labels.item
    if label.is_floating_point():
        label = label.nonzero()
    return label.flatten().tolist()


def label_of(sample: ActionDataSample) -> int:
    """The true label; -1 where inference has none.

    Raises:
        ValueError: If the sample has not just one.
    """
    labels = labels_of(sample)
    if len(labels) != 1:
        raise ValueError(f'one label a sample is needed, got {labels} of a '
                         'multi-label data set')
    return labels[0]


def scores_of(sample: ActionDataSample) -> Tensor:
    """The predicted scores ``[num_classes]``.

    ``[V, num_classes]`` of ``V`` clips and crops where the head leaves them
    apart (``average_clips=None``).
    """
    return (sample.pred_score
            if 'pred_score' in sample else sample.pred_scores.item)


def video_scores(sample: ActionDataSample) -> Tensor:
    """The predicted scores ``[num_classes]``, the mean over clips and crops
    where the head leaves them apart."""
    return torch.atleast_2d(scores_of(sample)).mean(0)


def set_scores(sample: ActionDataSample, scores: Tensor) -> ActionDataSample:
    """Store predicted scores ``[num_classes]``; returns the sample."""
    new = hasattr(sample, 'set_pred_score')
    setter = sample.set_pred_score if new else sample.set_pred_scores
    return setter(scores)
