"""Normalise key frames and residual frames on the device."""
from typing import List, Optional, Sequence, Tuple

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from torch import Tensor


@MODELS.register_module()
class KeyResidualDataPreprocessor(ActionDataPreprocessor):
    """Stack and normalise the segments that ``KeyResidualSampler`` gives.

    Key frames become ``(x - mean) / std`` and residual frames ``x / std``:
    the difference of two normalised frames, in which the mean cancels. A
    static clip stays exactly zero. Segments of residual frames are int16
    (``emit='both'``); of uint8 ones (``emit='segments'``), which are frames
    as decoded, the residuals are taken here, on the device. The type alone
    tells the two apart.

    Args:
        mean: Pixel mean of every channel.
        std: Pixel standard deviation of every channel.
        to_rgb: Reverse the channels. Defaults to False (decoders give RGB).
        blending: Batch augmentation of MMAction2. Both frames are linear in
            the pixels, so a blend of clips is the clip of the blends.
        residual: Give residual frames. False keeps all frames of a segment
            as frames, shifted by the mean (ablation E3), and needs
            ``emit='segments'``. Defaults to True.
        flatten: Give ``[N, V * K * s, C, H, W]``, which MMAction2's 2D
            recognizers take, instead of segments. Defaults to False.
    """

    def __init__(self,
                 mean: Sequence[float],
                 std: Sequence[float],
                 to_rgb: bool = False,
                 blending: Optional[dict] = None,
                 residual: bool = True,
                 flatten: bool = False) -> None:
        super().__init__(mean=mean, std=std, to_rgb=to_rgb, blending=blending)
        self.residual = residual
        self.flatten = flatten

    def preprocess(self,
                   inputs: List[Tensor],
                   data_samples: SampleList,
                   training: bool = False) -> Tuple[Tensor, SampleList]:
        """Make a batch.

        Args:
            inputs: Segments ``[V, K, s, C, H, W]`` of every sample.
            data_samples: Their data samples.
            training: Whether to apply the batch augmentation.

        Returns:
            float32 ``[N, V, K, s, C, H, W]`` (or flattened) and the samples.

        Raises:
            ValueError: If samples differ in shape or type, are no segments or
                have other channels than ``mean`` and ``std``.
        """
        batch = torch.stack(self._check(inputs))
        if self.to_rgb:
            batch = batch.flip(-3)
        is_shifted = self.mean.new_ones(batch.shape[3], 1, 1, 1)
        if self.residual:
            is_shifted[1:] = 0
            batch = self._as_residual(batch)
        batch = (batch - is_shifted * self.mean) / self.std
        if training and self.blending is not None:
            batch, data_samples = self.blending(batch, data_samples)
        return batch.flatten(1, 3) if self.flatten else batch, data_samples

    @staticmethod
    def _as_residual(batch: Tensor) -> Tensor:
        """Segments ``[N, V, K, s, C, H, W]`` of either kind to residuals."""
        if batch.dtype != torch.uint8:
            return batch
        key, others = batch.short().split([1, batch.shape[3] - 1], dim=3)
        return torch.cat([key, others - key], dim=3)

    def _check(self, inputs: List[Tensor]) -> List[Tensor]:
        # Stacking would widen uint8 frames to the type of residual ones.
        dtypes = sorted({str(x.dtype) for x in inputs})
        if len(dtypes) != 1:
            raise ValueError(
                'KeyResidualDataPreprocessor: every sample must be of one '
                f'type, got {dtypes}; give all pipelines the same emit of '
                'KeyResidualSampler')
        shapes = sorted({tuple(x.shape) for x in inputs})
        if len(shapes) != 1 or len(shapes[0]) != 6:
            raise ValueError(
                'KeyResidualDataPreprocessor: every sample must be segments '
                f'[V, K, s, C, H, W] of one shape, got {shapes}; end the '
                'pipeline with a fixed-size crop or resize and '
                "KeyResidualSampler(emit='both')")
        channels = inputs[0].shape[3]
        if not channels == len(self.mean) == len(self.std):
            raise ValueError(
                f'KeyResidualDataPreprocessor: frames have {channels} '
                f'channels, mean has {len(self.mean)} values and std '
                f'{len(self.std)}; give both one value for each channel')
        if not self.residual and inputs[0].dtype != torch.uint8:
            raise ValueError(
                'KeyResidualDataPreprocessor: residual=False takes uint8 '
                f'segments of frames as decoded, got {inputs[0].dtype}; use '
                "KeyResidualSampler(emit='segments')")
        return inputs
