import pytest
import torch
from torch import nn

from respike_mm.compat import patching, torch_conv2d_strided
from respike_mm.compat.torch_conv2d_strided import is_affected


def narrow(layout=torch.channels_last, **options):
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 8, 1, **{'stride': 2, **options})
    return conv, torch.randn(16, 4, 8, 8).contiguous(memory_format=layout)


def gradients(conv, x):
    """Output and the gradients of its sum of squares."""
    conv.zero_grad()
    x = x.clone().requires_grad_()
    output = conv(x)
    output.square().sum().backward()
    return output, x.grad, conv.weight.grad, conv.bias.grad


@pytest.mark.parametrize('options', [
    {}, dict(stride=(1, 3)), dict(groups=2), dict(padding='valid')], ids=str)
def test_gradients(options):
    """Again and again: what is written outside shows when it is freed."""
    conv, x = narrow(**options)
    assert is_affected(conv, x)
    with torch.backends.mkldnn.flags(enabled=False):
        expected = gradients(conv, x)
    for _ in range(20):
        for ours, theirs in zip(gradients(conv, x), expected):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('options', [
    dict(layout=torch.contiguous_format), dict(stride=1), dict(padding=1)],
    ids=str)
def test_others_are_left_alone(options):
    assert not is_affected(*narrow(**options))


def test_patching_again_changes_nothing():
    before = nn.Conv2d._conv_forward
    assert patching.is_wrapped(before)
    torch_conv2d_strided.apply()
    assert nn.Conv2d._conv_forward is before
