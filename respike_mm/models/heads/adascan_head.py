"""AdaScan: frames pooled by an importance that the network predicts.

Kar et al., "AdaScan: Adaptive Scan Pooling in Deep Convolutional Neural
Networks for Human Action Recognition in Videos", CVPR 2017.

Shapes: ``N`` clips, ``T`` frames a clip, ``C`` channels, ``H, W`` a map.
"""
from typing import Callable, Dict, Optional, Sequence, Tuple, Union

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from mmengine.model import normal_init, xavier_init
from torch import Tensor, nn

from ..common.options import check_one_clip

# Below this sum of importances nothing counts as pooled yet; keeps the
# quotient and its gradient finite.
MIN_TOTAL = 1e-6


def adaptive_scan_pool(
        features: Tensor,
        importance: Callable[[Tensor, Tensor],
                             Tensor]) -> Tuple[Tensor, Tensor]:
    """Pool frames in one scan, weighing each against what is pooled so far.

    With features ``x_t``, importances ``g_t``, pooled features ``p_t``::

        g_t = importance(p_{t-1}, x_t),     G_t = G_{t-1} + g_t
        p_t = (G_{t-1} p_{t-1} + g_t x_t) / G_t,     p_0 = 0, G_0 = 0

    so that ``p_T`` is the mean weighted by the importances. Equal ones give
    the plain mean, and a frame of importance 0 leaves no trace.

    The authors' public code starts from ``p_1 = x_1`` with weight 0: the
    first frame is only what the second is compared with. Deviates: it is
    scored here as the others are, against zero, so that no frame is lost.

    Args:
        features: Frame features ``[N, T, C]`` in order of time.
        importance: From pooled features and a frame's features, both
            ``[N, C]``, to that frame's importance ``[N, 1]``, 0 to 1.

    Returns:
        Pooled features ``[N, C]`` and importances ``[N, T]``.
    """
    pooled = torch.zeros_like(features[:, 0])
    total = features.new_zeros(len(features), 1)
    weights = []
    for frame in features.unbind(1):
        weight = importance(pooled, frame)
        total = total + weight
        pooled = pooled + weight / total.clamp(min=MIN_TOTAL) * (frame -
                                                                 pooled)
        weights.append(weight)
    return pooled, torch.cat(weights, dim=1)


def importance_entropy(importances: Tensor) -> Tensor:
    """Entropy of a clip's softmax-normalised importances, in nats.

    The paper's regulariser: minimised, it makes the scan prefer few frames.

    Args:
        importances: ``[N, T]``.

    Returns:
        A scalar, the mean over the clips, at most ``log T``.
    """
    log_share = importances.log_softmax(dim=1)
    return -(log_share.exp() * log_share).sum(dim=1).mean()


@MODELS.register_module()
class AdaScanHead(BaseHead):
    """Adaptive scan pooling over frames, then one linear layer.

    A head of ``Recognizer2D``. Clips and crops of a video are scanned one by
    one, each gets its own scores, and ``average_clips`` averages them.

    The importance of a frame comes from a perceptron on the difference of
    its features and the pooled ones, as in the authors' code: two tanh
    layers, then a sigmoid.

    Deviates: that code scales the pooled features to length one and drops
    80 % of them in training. Here dropout and classifier are those of
    ``TSNHead``, so that only the pooling differs from averaging frames.

    Args:
        num_classes: Number of classes.
        in_channels: Width of the backbone's last map.
        clip_len: Frames ``T`` of a clip as the pipeline packs them.
        hidden_channels: Widths of the two tanh layers. Defaults to a half
            and an eighth of ``in_channels``, as 2048 and 512 are of the
            4096 of the authors' VGG-16.
        entropy_weight: Weight of :func:`importance_entropy` in the loss.
            Defaults to 1, where under SGD its gradient is of the size of
            the classifier's. Deviates: the authors' code has 1e6, made for
            Adam, which ignores scale, and gradients clipped per variable.
        dropout_ratio: Dropout in front of the linear layer.
        init_std: Standard deviation of the linear layer's initial weights.
        **kwargs: Arguments of MMAction2's ``BaseHead``: the loss, label
            smoothing, top-k, averaging over clips.

    Raises:
        ValueError: If ``clip_len`` is not positive; when running, if the
            frames of a video do not make whole clips.
    """

    def __init__(self,
                 num_classes: int,
                 in_channels: int,
                 clip_len: int,
                 hidden_channels: Optional[Sequence[int]] = None,
                 entropy_weight: float = 1.,
                 dropout_ratio: float = 0.4,
                 init_std: float = 0.01,
                 **kwargs) -> None:
        super().__init__(num_classes, in_channels, **kwargs)
        if clip_len < 1:
            raise ValueError('AdaScanHead: clip_len must be at least 1, got '
                             f'{clip_len}')
        first, second = hidden_channels or (in_channels // 2,
                                            in_channels // 8)
        self.clip_len = clip_len
        self.entropy_weight = entropy_weight
        self.init_std = init_std
        self.importance_mlp = nn.Sequential(
            nn.Linear(in_channels, first), nn.Tanh(),
            nn.Linear(first, second), nn.Tanh(), nn.Linear(second, 1),
            nn.Sigmoid())
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc_cls = nn.Linear(in_channels, num_classes)

    def init_weights(self) -> None:
        for layer in self.importance_mlp[::2]:
            xavier_init(layer, distribution='uniform')
        normal_init(self.fc_cls, std=self.init_std)
        super().init_weights()  # by init_cfg, which comes last

    def importance(self, pooled: Tensor, frame: Tensor) -> Tensor:
        """Importance ``[N, 1]`` of a frame, both arguments ``[N, C]``."""
        return self.importance_mlp(frame - pooled)

    def scan(self, feats: Tensor, num_segs: int) -> Tuple[Tensor, Tensor]:
        """Scores ``[N, num_classes]`` and importances ``[N, T]`` of clips.

        Args:
            feats: Maps ``[N * T, C, H, W]``, the frames of a clip adjacent.
            num_segs: Frames of a video: those of all its clips and crops.
        """
        if num_segs % self.clip_len:
            raise ValueError(
                f'AdaScanHead: {num_segs} frames a video are not a multiple '
                f'of clip_len={self.clip_len}; set model.cls_head.clip_len '
                'to the frames of a clip that the pipeline packs')
        # Many small steps add up: at least float32, also under autocast.
        dtype = torch.promote_types(feats.dtype, torch.float32)
        frames = feats.mean((2, 3), dtype=dtype)
        pooled, importances = adaptive_scan_pool(
            frames.unflatten(0, (-1, self.clip_len)), self.importance)
        return self.fc_cls(self.dropout(pooled)), importances

    def forward(
        self,
        feats: Tensor,
        num_segs: int,
        return_importances: bool = False,
        **kwargs,
    ) -> Union[Tensor, Tuple[Tensor, Tensor]]:
        """Logits ``[N, num_classes]``, see :meth:`scan`.

        Args:
            feats: Maps ``[N * T, C, H, W]``.
            num_segs: Frames of a video.
            return_importances: Give the importances ``[N, T]`` too.
            **kwargs: What else ``Recognizer2D`` hands to every head; unused.
        """
        scores, importances = self.scan(feats, num_segs)
        return (scores, importances) if return_importances else scores

    def loss(self, feats: Tensor, data_samples: SampleList,
             **kwargs) -> Dict[str, Tensor]:
        """Classification loss and the entropy of the importances.

        Raises:
            ValueError: If there are several clips a video.
        """
        # Called as MMAction2 calls a head, through what wraps that call.
        scores, importances = self(feats, return_importances=True, **kwargs)
        check_one_clip('AdaScanHead', len(scores) // len(data_samples))
        losses = self.loss_by_feat(scores, data_samples)
        losses['loss_entropy'] = self.entropy_weight * importance_entropy(
            importances)
        return losses
