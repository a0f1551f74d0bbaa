"""Normalise key frames and residual frames on the device."""
from typing import List, Optional, Sequence, Tuple

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from torch import Tensor


@MODELS.register_module()
class KeyResidualDataPreprocessor(ActionDataPreprocessor):
    """Stack and normalise what ``KeyResidualSampler(emit='both')`` gives.

    Key frames become ``(x - mean) / std`` and residual frames ``x / std``:
    the difference of two normalised frames, in which the mean cancels. A
    static clip stays exactly zero.

    Args:
        mean: Pixel mean of every channel.
        std: Pixel standard deviation of every channel.
        to_rgb: Reverse the channels. Defaults to False (decoders give RGB).
        blending: Batch augmentation of MMAction2. Both frames are linear in
            the pixels, so a blend of clips is the clip of the blends.
        flatten: Give ``[N, V * K * s, C, H, W]``, which MMAction2's 2D
            recognizers take, instead of segments. Defaults to False.
    """

    def __init__(self,
                 mean: Sequence[float],
                 std: Sequence[float],
                 to_rgb: bool = False,
                 blending: Optional[dict] = None,
                 flatten: bool = False) -> None:
        super().__init__(mean=mean, std=std, to_rgb=to_rgb, blending=blending)
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
            ValueError: If samples differ in shape or are not segments.
        """
        batch = torch.stack(self._check(inputs))
        if self.to_rgb:
            batch = batch.flip(-3)
        # Only position 0 of a segment, the key frame, is shifted.
        is_key = self.mean.new_zeros(batch.shape[3], 1, 1, 1)
        is_key[0] = 1
        batch = (batch - is_key * self.mean) / self.std
        if training and self.blending is not None:
            batch, data_samples = self.blending(batch, data_samples)
        return batch.flatten(1, 3) if self.flatten else batch, data_samples

    @staticmethod
    def _check(inputs: List[Tensor]) -> List[Tensor]:
        shapes = sorted({tuple(x.shape) for x in inputs})
        if len(shapes) != 1 or len(shapes[0]) != 6:
            raise ValueError(
                'KeyResidualDataPreprocessor: every sample must be segments '
                f'[V, K, s, C, H, W] of one shape, got {shapes}; end the '
                'pipeline with a fixed-size crop or resize and '
                "KeyResidualSampler(emit='both')")
        if inputs[0].dtype == torch.uint8:
            raise ValueError(
                'KeyResidualDataPreprocessor: uint8 input cannot hold '
                "residual frames; use KeyResidualSampler(emit='both')")
        return inputs
