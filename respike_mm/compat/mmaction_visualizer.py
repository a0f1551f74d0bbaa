"""MMAction2 1.2.0 renamed the labels of ``ActionDataSample``, but its
``ActionVisualizer`` still looks for the former names and so draws no label.
The visualizer is given a copy that has both."""
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Optional

from .patching import when_imported, wrap

if TYPE_CHECKING:
    from mmaction.structures import ActionDataSample


def with_former_names(data_sample: 'ActionDataSample') -> 'ActionDataSample':
    """Copy a sample of 1.2.0 and add the labels that are drawn.

    Args:
        data_sample: May have ``gt_label``, ``pred_label`` and ``pred_score``.

    Returns:
        The copy, which has ``gt_labels`` and ``pred_labels`` as well.
    """
    from mmengine.structures import LabelData
    sample = data_sample.new()
    if 'gt_label' in sample:
        # Only looked for: what is drawn is ``gt_label``.
        sample.gt_labels = LabelData(item=sample.gt_label)
    if 'pred_label' in sample:
        sample.pred_labels = LabelData(item=sample.pred_label)
        if 'pred_score' in sample:
            sample.pred_labels.score = sample.pred_score
    return sample


def _rename_labels(add_datasample: Callable) -> Callable:

    def draw(self,
             name: str,
             video: Any,
             data_sample: Optional['ActionDataSample'] = None,
             *args: Any,
             **kwargs: Any) -> Any:
        if data_sample is not None:
            data_sample = with_former_names(data_sample)
        return add_datasample(self, name, video, data_sample, *args, **kwargs)

    return draw


def _patch(visualizer: ModuleType) -> None:
    from mmaction.structures import ActionDataSample
    # In 1.1.0 the former names are the right ones.
    if not hasattr(ActionDataSample, 'pred_labels'):
        wrap(visualizer.ActionVisualizer, 'add_datasample', _rename_labels)


def apply() -> None:
    """Have the labels drawn."""
    when_imported('mmaction.visualization.action_visualizer', _patch)
