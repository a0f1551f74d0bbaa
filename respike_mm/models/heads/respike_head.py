"""Head that joins the key frame's and the spiking branch's features."""
from typing import Tuple

from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmengine.model import normal_init
from torch import Tensor, cat, nn


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
        **kwargs: Arguments of MMAction2's ``BaseHead``: the loss, label
            smoothing, top-k, averaging over clips.
    """

    def __init__(self,
                 num_classes: int,
                 in_channels: int,
                 dropout_ratio: float = 0.,
                 init_std: float = 0.01,
                 **kwargs) -> None:
        super().__init__(num_classes, in_channels, **kwargs)
        self.init_std = init_std
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc_cls = nn.Linear(in_channels, num_classes)

    def init_weights(self) -> None:
        normal_init(self.fc_cls, std=self.init_std)

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
        key, spiking = feats
        # Pooling each map before concatenating equals pooling after, and the
        # two may differ in size.
        pooled = cat([key.mean((2, 3)), spiking.mean((0, 3, 4))], dim=1)
        return self.fc_cls(self.dropout(pooled))
