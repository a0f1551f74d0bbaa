"""Head of spiking backbones, for losses of single time steps too.

Shapes: ``N`` clips, ``S`` time steps, ``C, H, W`` a map.
"""
from typing import Dict

from mmaction.models.heads import TSNHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from torch import Tensor, nn


def check_per_step(head: nn.Module) -> None:
    """Refuse a loss of single steps under a head that averages over them.

    Args:
        head: Its class has a true attribute ``per_step`` where it gives such
            a loss the logits of every step.

    Raises:
        ValueError: With the head to use.
    """
    loss = getattr(head, 'loss_cls', None)
    if getattr(loss, 'per_step', False) and not getattr(
            head, 'per_step', False):
        raise ValueError(
            f'{type(head).__name__} gives its loss the mean over time, but '
            f'{type(loss).__name__} is a loss of single time steps '
            '(per_step); set model.cls_head.type to SpikingHead or take '
            'another model.cls_head.loss_cls')


@MODELS.register_module()
class SpikingHead(TSNHead):
    """MMAction2's ``TSNHead`` whose segments are the steps of a clip.

    Scores are the mean over time of every step's logits. What the loss gets
    is the loss's own affair: one with a true attribute ``per_step``, such as
    ``TETLoss``, gets the logits of every step, any other the mean.

    Behind ``ClipRecognizer2D`` the clips and crops of a video are scored one
    by one and averaged as ``average_clips`` says. The stock ``Recognizer2D``
    passes all their steps as one long clip, whose mean logits come out.

    Takes the arguments of ``TSNHead``.
    """

    per_step = True  # for check_per_step

    def loss(self, feats: Tensor, data_samples: SampleList, num_segs: int,
             **kwargs) -> Dict[str, Tensor]:
        """Loss and training accuracy.

        Args:
            feats: Maps ``[N * S, C, H, W]``, the steps of a clip adjacent.
            data_samples: The ``N`` samples.
            num_segs: Steps ``S`` of a clip.
            **kwargs: What else ``Recognizer2D`` passes, for ``TSNHead``.

        Returns:
            The loss, and top-k accuracies: of the single steps where the
            loss is ``per_step``, else of the clips.
        """
        if not getattr(self.loss_cls, 'per_step', False):
            return super().loss(
                feats, data_samples, num_segs=num_segs, **kwargs)
        scores = self(feats, num_segs=1, **kwargs)  # [N * S, num_classes]
        steps = [sample for sample in data_samples for _ in range(num_segs)]
        return self.loss_by_feat(scores, steps)
