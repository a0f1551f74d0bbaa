"""Loss of temporal efficient training.

Deng et al., "Temporal Efficient Training of Spiking Neural Network via
Gradient Re-weighting" (2022).

Shapes: ``N`` clips, ``S`` time steps.
"""
from typing import List, Optional

import torch
import torch.nn.functional as F
from mmaction.models.losses import CrossEntropyLoss
from mmaction.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class TETLoss(CrossEntropyLoss):
    """Cross-entropy at every time step, and outputs kept near a constant.

    ::

        L = (1 - lamb) * mean_t CE(O[t], y) + lamb * mean_t MSE(O[t], phi)

    with the logits ``O[t]`` of time step ``t``. Both means run over steps
    alone, so the loss takes the logits of all steps as so many rows, each
    with its clip's label; ``per_step`` tells ``SpikingHead`` to pass them
    thus. Any other head would pass logits averaged over time, on which this
    is no temporal efficient training: ``ClipRecognizer2D`` and
    ``HybridReSpike`` refuse that, MMAction2's own recognizers cannot tell.

    Args:
        lamb: Weight of the regulariser, 0 to 1. Defaults to 0.05. The
            authors' released scripts take 0.001 for event data and 0 for
            images.
        phi: Value that the logits are drawn to. Defaults to 1, the firing
            threshold, as in the paper.
        loss_weight: Factor of the whole loss.
        class_weight: Weights of the classes in the cross-entropy, as in
            MMAction2's ``CrossEntropyLoss``.

    Raises:
        ValueError: If ``lamb`` is outside 0 to 1.
    """

    per_step = True

    def __init__(self,
                 lamb: float = 0.05,
                 phi: float = 1.,
                 loss_weight: float = 1.,
                 class_weight: Optional[List[float]] = None) -> None:
        super().__init__(loss_weight, class_weight)
        if not 0 <= lamb <= 1:
            raise ValueError(f'TETLoss: lamb must be from 0 to 1, got {lamb}')
        self.lamb = lamb
        self.phi = phi

    def _forward(self, cls_score: Tensor, label: Tensor) -> Tensor:
        """Loss of all steps.

        Args:
            cls_score: Logits ``[N * S, num_classes]``.
            label: Classes ``[N * S]``, or their distributions of the shape
                of ``cls_score``.
        """
        cross_entropy = super()._forward(cls_score, label)
        phi = torch.full_like(cls_score, self.phi)
        return ((1 - self.lamb) * cross_entropy +
                self.lamb * F.mse_loss(cls_score, phi))
