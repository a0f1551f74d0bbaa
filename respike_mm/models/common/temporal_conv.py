"""Convolution and maximum across frames in a network of single frames.

Shapes: ``N`` clips, ``T`` frames a clip, ``C, H, W`` a map.
"""
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def to_clips(x: Tensor, clip_len: int) -> Tensor:
    """``[N * T, C, H, W]`` to ``[N, C, T, H, W]``."""
    return x.unflatten(0, (-1, clip_len)).transpose(1, 2)


def to_frames(x: Tensor) -> Tensor:
    """``[N, C, T, H, W]`` to ``[N * T, C, H, W]``."""
    return x.transpose(1, 2).flatten(0, 1)


def max_over_frames(x: Tensor, clip_len: int, size: int) -> Tensor:
    """Maximum over ``size`` frames, odd, around each of a clip.

    Args:
        x: ``[N * T, C, H, W]``.
        clip_len: Frames ``T`` of a clip.
        size: Frames to compare; near the ends of the clip fewer.

    Returns:
        The shape of ``x``.
    """
    clips = to_clips(x, clip_len)
    return to_frames(
        F.max_pool3d(clips, (size, 1, 1), 1, (size // 2, 0, 0)))


def inflate(weight: Tensor, taps: int) -> Tensor:
    """Average an image filter over time.

    Args:
        weight: ``[C', C, k, k]``.
        taps: Frames that the filter shall span.

    Returns:
        ``[C', C, taps, k, k]``: on a clip that stands still the same
        response.
    """
    return (weight / taps).unsqueeze(2).repeat(1, 1, taps, 1, 1)


def _inflate_loaded(module: nn.Module, state_dict: dict, prefix: str,
                    *_) -> None:
    """Let the checkpoint of an image network load."""
    weight = state_dict.get(f'{prefix}weight')
    if weight is not None and weight.dim() == 4:
        state_dict[f'{prefix}weight'] = inflate(weight, module.kernel_size[0])


class TemporalConv(nn.Conv3d):
    """A 2D convolution that also spans the neighbouring frames of its clip.

    Every tap starts as the same image filter, divided by their number, and
    checkpoints of the 2D convolution load that way. The first and last frame
    stand in for those before and after the clip, so that a still clip gives
    exactly the 2D convolution's response in all frames.

    Args:
        conv: The convolution to replace, without bias.
        clip_len: Frames ``T`` of a clip.
        taps: Frames that a filter spans, odd.
    """

    def __init__(self, conv: nn.Conv2d, clip_len: int, taps: int = 3) -> None:
        super().__init__(
            conv.in_channels,
            conv.out_channels, (taps, *conv.kernel_size),
            stride=(1, *conv.stride),
            padding=(0, *conv.padding),
            dilation=(1, *conv.dilation),
            bias=False)
        self.clip_len = clip_len
        self.register_load_state_dict_pre_hook(_inflate_loaded)

    def reset_parameters(self) -> None:
        """He initialisation (fan out) of the image filter."""
        image = torch.empty_like(self.weight[:, :, 0])
        nn.init.kaiming_normal_(image, mode='fan_out', nonlinearity='relu')
        self.weight.data.copy_(inflate(image, self.kernel_size[0]))

    def forward(self, x: Tensor) -> Tensor:
        """``[N * T, C, H, W]`` to ``[N * T, C', H', W']``."""
        side = self.kernel_size[0] // 2
        clips = F.pad(
            to_clips(x, self.clip_len), (0, 0, 0, 0, side, side),
            mode='replicate')
        return to_frames(super().forward(clips))
