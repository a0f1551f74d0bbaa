"""Head that joins the key frame's and the spiking branch's features.

Shapes: ``B`` segments of all clips, ``S`` time steps, ``C`` channels of the
key frame's map, ``C'`` of the spiking map, ``H, W`` a map.
"""
from typing import Dict, Tuple

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from mmengine.model import normal_init
from torch import Tensor, nn

from ..common.options import check_positive


@MODELS.register_module()
class ReSpikeHead(BaseHead):
    """Mean over time, concatenate, pool, one linear layer (section 4.3).

    Args:
        num_classes: Number of classes.
        in_channels: Width of the key frame's last map plus that of the
            spiking branch's. HybridReSpike fills it in.
        dropout_ratio: Dropout in front of the linear layer. Defaults to 0;
            the paper has none.
        init_std: Standard deviation of the linear layer's initial weights.
        branch_loss: Share, 0 to 1, of the loss that is taken on each branch's
            own part of the logits. Defaults to 0, the paper's loss on their
            sum. On little data the branches otherwise lean on each other:
            trained on the sum alone, each stayed far behind itself trained
            alone, and so did the fusion, which reads the key frame's maps.
        key_weight: Factor on the key frame's part of the summed logits, in
            training and test; its own share of the loss stays whole. Defaults
            to 1, the paper's plain sum. With 0 the spiking branch predicts,
            which has read the key frame's maps through the fusion, and the
            key frame's classifier serves training alone.
        **kwargs: Arguments of MMAction2's ``BaseHead``: the loss, label
            smoothing, top-k, averaging over clips.

    Raises:
        ValueError: If ``num_classes`` is not above zero, ``dropout_ratio``
            or ``branch_loss`` outside 0 to 1, or ``init_std`` or
            ``key_weight`` negative.
    """

    def __init__(self,
                 num_classes: int,
                 in_channels: int,
                 dropout_ratio: float = 0.,
                 init_std: float = 0.01,
                 branch_loss: float = 0.,
                 key_weight: float = 1.,
                 **kwargs) -> None:
        super().__init__(num_classes, in_channels, **kwargs)
        check_positive('ReSpikeHead', num_classes=num_classes)
        if not 0 <= dropout_ratio <= 1:
            raise ValueError('ReSpikeHead: dropout_ratio must be from 0 to 1, '
                             f'got {dropout_ratio}')
        if not init_std >= 0:
            raise ValueError('ReSpikeHead: init_std must not be negative, got '
                             f'{init_std}')
        if not 0 <= branch_loss <= 1:
            raise ValueError('ReSpikeHead: branch_loss must be from 0 to 1, '
                             f'got {branch_loss}')
        if not key_weight >= 0:
            raise ValueError('ReSpikeHead: key_weight must not be negative, '
                             f'got {key_weight}')
        self.init_std = init_std
        self.branch_loss = branch_loss
        self.key_weight = key_weight
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc_cls = nn.Linear(in_channels, num_classes)

    def init_weights(self) -> None:
        normal_init(self.fc_cls, std=self.init_std)
        super().init_weights()  # by init_cfg, which comes last

    def forward(self, feats: Tuple[Tensor, Tensor], num_segs: int) -> Tensor:
        """Classify clips.

        Args:
            feats: Key frames' map ``[B, C, H, W]`` and spiking map
                ``[S, B, C', H', W']``, ``B`` = clips times segments, the
                segments of a clip adjacent.
            num_segs: Segments ``K`` of a clip.

        Returns:
            Logits ``[B / K, num_classes]``, averaged over the segments.
        """
        return self.segment_scores(feats).unflatten(0,
                                                    (-1, num_segs)).mean(1)

    def segment_scores(self, feats: Tuple[Tensor, Tensor]) -> Tensor:
        """Logits ``[B, num_classes]`` of every segment."""
        pooled = self.dropout(self.pool(feats))
        return self.fc_cls(self._weighted(pooled, feats))

    @staticmethod
    def pool(feats: Tuple[Tensor, Tensor]) -> Tensor:
        """Features ``[B, C + C']`` of every segment."""
        key, spiking = feats
        # Pooling each map before concatenating equals pooling after, and the
        # two may differ in size.
        return torch.cat([key.mean((2, 3)), spiking.mean((0, 3, 4))], dim=1)

    def _weighted(self, pooled: Tensor, feats: Tuple[Tensor,
                                                     Tensor]) -> Tensor:
        """Pooled features with ``key_weight`` on the key frame's."""
        if self.key_weight == 1:
            return pooled
        widths = feats[0].shape[1], feats[1].shape[2]
        key, spiking = pooled.split(widths, dim=1)
        return torch.cat([self.key_weight * key, spiking], dim=1)

    def loss(self, feats: Tuple[Tensor, Tensor], data_samples: SampleList,
             num_segs: int) -> Dict[str, Tensor]:
        """Losses and training accuracy.

        Args:
            feats, num_segs: See :meth:`forward`.
            data_samples: The samples of the clips.

        Returns:
            ``loss_cls`` on the sum of both branches' logits and, with
            ``branch_loss``, ``loss_key`` and ``loss_spiking`` on each alone;
            top-k accuracies of the sum.
        """
        if not self.branch_loss:
            return super().loss(feats, data_samples, num_segs=num_segs)
        # Segments share a linear layer, so they may be averaged before it.
        joint = self.dropout(self.pool(feats))
        joint = joint.unflatten(0, (-1, num_segs)).mean(1)
        channel = torch.arange(joint.shape[1], device=joint.device)
        is_key = channel < feats[0].shape[1]
        scores = self.fc_cls(self._weighted(joint, feats))
        losses = self.loss_by_feat(scores, data_samples)
        losses['loss_cls'] = (1 - self.branch_loss) * losses['loss_cls']
        for name, part in (('key', is_key), ('spiking', ~is_key)):
            scores = self.fc_cls(joint * part)
            loss = self.loss_by_feat(scores, data_samples)['loss_cls']
            losses[f'loss_{name}'] = self.branch_loss * loss
        return losses
