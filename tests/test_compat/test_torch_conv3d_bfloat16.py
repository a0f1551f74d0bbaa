import pytest
import torch
from torch import nn

from respike_mm.compat import patching, torch_conv3d_bfloat16
from respike_mm.compat.torch_conv3d_bfloat16 import is_affected

# Channels are a multiple of oneDNN's block of 16: others use another kernel.
CHANNELS = 32


def gradients(conv, x, autocast):
    """Output and the gradients of its sum of squares, all in float32."""
    conv.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        output = conv(x)
    (output.float()**2).sum().backward()
    return output.float(), x.grad, conv.weight.grad, conv.bias.grad


@pytest.mark.parametrize('frames, kernel, padding, stride, dilation', [
    (2, 3, 1, 1, 1),
    (2, 5, 2, 1, 1),
    (3, 5, 2, 2, 1),
    (3, 3, 2, 1, 2),
])
def test_gradients_of_short_clips(frames, kernel, padding, stride, dilation):
    torch.manual_seed(0)
    conv = nn.Conv3d(
        CHANNELS,
        CHANNELS, (kernel, 3, 3),
        stride=(stride, 1, 1),
        padding=(padding, 1, 1),
        dilation=(dilation, 1, 1))
    x = torch.randn(2, CHANNELS, frames, 5, 5)
    assert not is_affected(conv, x)
    with torch.autocast('cpu', torch.bfloat16):
        assert is_affected(conv, x)
    assert is_affected(conv, x.bfloat16())
    expected = gradients(conv, x, autocast=False)
    actual = gradients(conv, x, autocast=True)
    for ours, theirs in zip(actual, expected):
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


@pytest.mark.parametrize('options, frames', [
    (dict(padding=1), 3),
    (dict(padding='same'), 2),
    (dict(padding=1, padding_mode='replicate'), 2),
])
def test_others_are_left_alone(options, frames):
    conv = nn.Conv3d(1, 1, 3, **options).bfloat16()
    x = torch.randn(1, 1, frames, 3, 3, dtype=torch.bfloat16)
    assert not is_affected(conv, x)
    assert conv(x).shape[0] == 1


def test_without_batch():
    """``nn.Conv3d`` takes a single clip too."""
    conv = nn.Conv3d(1, 1, 3, padding=1, dtype=torch.bfloat16)
    clip = torch.randn(1, 2, 3, 3, dtype=torch.bfloat16)
    assert is_affected(conv, clip)
    torch.testing.assert_close(conv(clip), conv(clip[None])[0])


def test_patching_again_changes_nothing():
    before = nn.Conv3d._conv_forward
    assert patching.is_wrapped(before)
    torch_conv3d_bfloat16.apply()
    assert nn.Conv3d._conv_forward is before
