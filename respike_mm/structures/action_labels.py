"""Label and scores of a data sample, by either MMAction2's names.

1.1.0 keeps them as ``gt_labels.item`` and ``pred_scores.item``, 1.2.0 as
``gt_label`` and ``pred_score``.
"""
from mmaction.structures import ActionDataSample
from torch import Tensor


def label_of(sample: ActionDataSample) -> int:
    """The true label; -1 where inference has none."""
    label = sample.gt_label if 'gt_label' in sample else sample.gt_labels.item
    return int(label)


def scores_of(sample: ActionDataSample) -> Tensor:
    """The predicted scores ``[num_classes]``."""
    return (sample.pred_score
            if 'pred_score' in sample else sample.pred_scores.item)


def set_scores(sample: ActionDataSample, scores: Tensor) -> ActionDataSample:
    """Store predicted scores ``[num_classes]``; returns the sample."""
    new = hasattr(sample, 'set_pred_score')
    setter = sample.set_pred_score if new else sample.set_pred_scores
    return setter(scores)
