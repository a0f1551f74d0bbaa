"""Video-level and clip-level accuracy in one pass over the test set.

Shapes: ``V`` clips and crops of a video, ``C`` classes.
"""
from typing import Any, Dict, List, Literal, Optional, Sequence

import torch
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric
from torch import Tensor

from ..functional import (average_clips, label_ranks, mean_class_accuracy,
                          top_k_accuracy)


@METRICS.register_module()
class VideoAccuracy(BaseMetric):
    """Accuracy of videos, as the field reports it, and of single clips.

    Takes the place of ``AccMetric`` and reports under its names, so that
    ``save_best`` and scripts that read ``acc/top1`` go on working::

        model = dict(cls_head=dict(average_clips=None))
        test_evaluator = dict(type='VideoAccuracy')

    The first line makes MMAction2's heads hand over the scores of every clip
    and crop; averaging them is left to this metric. ``Recognizer2D`` joins
    the frames of all clips before its head, so that a video has one score
    vector and both accuracies are equal; ``ClipRecognizer2D`` keeps them
    apart.

    Reports ``top{k}`` and ``mean1`` (mean class accuracy, over the classes
    that occur in the test set) of videos; ``clip_top{k}``, the authors'
    figure, for which every clip and crop is a sample of its own; and
    ``clips``, the score vectors of a video on average.

    Args:
        average_clips: ``'prob'`` averages the clips' softmax, ``'score'``
            their logits.
        topk: Values of k. Defaults to 1 and 5.
        collect_device: ``'cpu'`` or ``'gpu'``, where a distributed run
            gathers results.
        prefix: In front of the names. Defaults to ``'acc'``.

    Raises:
        ValueError: If ``average_clips`` or ``topk`` is something else; when
            testing, if a sample has no single label within range or its
            scores are not finite ``[V, C]``.
    """
    default_prefix: Optional[str] = 'acc'

    def __init__(self,
                 average_clips: Literal['prob', 'score'] = 'prob',
                 topk: Sequence[int] = (1, 5),
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if average_clips not in ('prob', 'score'):
            raise ValueError("average_clips must be 'prob' or 'score', not "
                             f'{average_clips!r}')
        if not topk or min(topk) < 1:
            raise ValueError(f'topk must be positive integers, not {topk}')
        self.average_clips = average_clips
        self.topk = tuple(topk)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep of every video its label and the label's ranks: a few bytes.

        Args:
            data_batch: Unused.
            data_samples: The model's predictions.
        """
        for sample in data_samples:
            scores, label = clip_scores(sample), single_label(sample)
            if not 0 <= label < scores.shape[1]:
                raise ValueError(f'label {label} is not one of the '
                                 f'{scores.shape[1]} classes of the scores')
            video = average_clips(scores, self.average_clips == 'prob')
            self.results.append(
                dict(
                    label=label,
                    rank=label_ranks(video, label).item(),
                    clip_ranks=label_ranks(scores, label).tolist()))

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Figures over all processes' videos, accuracies from 0 to 1."""
        ranks = torch.tensor([video['rank'] for video in results])
        labels = torch.tensor([video['label'] for video in results])
        clips = torch.tensor(
            [rank for video in results for rank in video['clip_ranks']])
        return {
            **{f'top{k}': top_k_accuracy(ranks, k) for k in self.topk},
            'mean1': mean_class_accuracy(ranks, labels),
            **{f'clip_top{k}': top_k_accuracy(clips, k) for k in self.topk},
            'clips': len(clips) / len(ranks)
        }


def clip_scores(sample: dict) -> Tensor:
    """Scores ``[V, C]`` of a sample, by MMAction2 1.1's or 1.2's name."""
    scores = sample['pred_score'] if 'pred_score' in sample \
        else sample['pred_scores']['item']
    shape = tuple(scores.shape) if isinstance(scores, Tensor) \
        else type(scores).__name__
    if not isinstance(scores, Tensor) or scores.dim() != 2:
        raise ValueError(
            f'VideoAccuracy needs scores [clips and crops, classes], got '
            f'{shape}; set model.cls_head.average_clips=None, so that the '
            'head does not average them itself')
    if not scores.isfinite().all():
        raise ValueError('the scores of a video are not finite: the network '
                         'has diverged')
    return scores.float().cpu()


def single_label(sample: dict) -> int:
    """The class of a sample, by MMAction2 1.1's or 1.2's name."""
    label = sample['gt_label'] if 'gt_label' in sample \
        else sample['gt_labels']['item']
    if label.numel() != 1:
        raise ValueError('VideoAccuracy needs one label per video, got '
                         f'{label.tolist()}')
    return label.item()
