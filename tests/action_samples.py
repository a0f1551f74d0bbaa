"""Labels and scores of a data sample, by either MMAction2's names.

1.1.0 keeps them as ``gt_labels.item`` and ``pred_scores.item``, 1.2.0 as
``gt_label`` and ``pred_score``.
"""
from mmaction.structures import ActionDataSample
from mmengine.structures import LabelData
from torch import Tensor

from respike_mm.structures import scores_of as score_of  # noqa: F401


def labelled(label: int) -> ActionDataSample:
    """A sample of this class."""
    sample = ActionDataSample()
    new = hasattr(sample, 'set_gt_label')
    return sample.set_gt_label(label) if new else sample.set_gt_labels(label)


def label_of(sample: ActionDataSample) -> Tensor:
    """The label of a sample, one-hot after blending."""
    return sample.gt_label if 'gt_label' in sample else sample.gt_labels.item


def restored(dumped: dict) -> ActionDataSample:
    """A sample from the dict that it is dumped as, with its inner ones."""
    return ActionDataSample(**{
        key: LabelData(**value) if isinstance(value, dict) else value
        for key, value in dumped.items()})
