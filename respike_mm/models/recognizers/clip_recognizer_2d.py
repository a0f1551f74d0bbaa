"""``Recognizer2D`` that keeps the clips and crops of a video apart.

Shapes: ``N`` videos, ``V`` clips and crops a video, ``T`` frames a clip,
``C, H, W`` a frame.
"""
from numbers import Integral
from typing import Any

from mmaction.models.recognizers import Recognizer2D
from mmaction.registry import MODELS
from torch import Tensor

from ..common.options import check_one_clip, check_positive
from ..heads.spiking_head import check_per_step


@MODELS.register_module()
class ClipRecognizer2D(Recognizer2D):
    """MMAction2's ``Recognizer2D``, one prediction a clip.

    The stock one hands the frames of all clips and crops to the head as if
    they were one long clip. That averages them where the head does nothing
    but average; but it leaves no scores of single clips, and a head that
    follows the frames in order would run from the last frame of one crop
    into the first of the next. With one clip, as in training, both are the
    same.

    Args:
        clip_len: Frames ``T`` of a clip as the pipeline packs them: with key
            frames or residual frames only, fewer than were sampled.
        **kwargs: Arguments of ``Recognizer2D``.

    Raises:
        ValueError: If ``clip_len`` is not above zero or no multiple of what
            the backbone takes for a clip, or if the head does not give a
            loss of single steps what it needs.
    """

    def __init__(self, clip_len: int, **kwargs) -> None:
        check_positive('ClipRecognizer2D', clip_len=clip_len)
        super().__init__(**kwargs)
        self.clip_len = clip_len
        for key in ('num_steps', 'clip_len', 'num_segments'):  # TSM's name
            self._check_backbone(key, getattr(self.backbone, key, None))
        if self.with_cls_head:
            check_per_step(self.cls_head)

    def _check_backbone(self, key: str, steps: Any) -> None:
        """Refuse a sequence that would reach from one video into the next;
        several sequences a clip, such as segments, are fine."""
        if isinstance(steps, Integral) and self.clip_len % steps:
            raise ValueError(
                f'ClipRecognizer2D: clip_len={self.clip_len} is no multiple '
                f'of {key}={steps} of the backbone, which would run from one '
                f'video into the next; set model.clip_len and model.backbone.'
                f'{key} to the frames of a clip that the pipeline packs')

    def extract_feat(self, inputs: Tensor, **kwargs) -> tuple:
        """Features of every clip.

        Args:
            inputs: Frames ``[N, V * T, C, H, W]``, clip by clip.
            **kwargs: Arguments of ``Recognizer2D.extract_feat``.

        Returns:
            What ``Recognizer2D`` returns for ``N * V`` videos of ``T``
            frames.

        Raises:
            ValueError: If the frames do not make whole clips, or in training
                not one.
        """
        frames = inputs.shape[1]
        if frames % self.clip_len:
            raise ValueError(
                f'{frames} frames a video are not a multiple of clip_len='
                f'{self.clip_len}; set model.clip_len to the frames of a clip '
                'that the pipeline packs')
        if kwargs.get('data_samples') and not kwargs.get('test_mode'):
            check_one_clip('ClipRecognizer2D', frames // self.clip_len)
        # [N, V * T, C, H, W] -> [N * V, T, C, H, W]
        clips = inputs.reshape(-1, self.clip_len, *inputs.shape[2:])
        return super().extract_feat(clips, **kwargs)
