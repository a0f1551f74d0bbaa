import pytest
import torch
from torch import nn

from respike_mm.models.common.spike_conv import SpikeConv2d


def spikes(dtype=torch.float32, layout=torch.channels_last):
    torch.manual_seed(0)
    x = (torch.rand(2, 3, 6, 6) < 0.3).to(dtype)
    return x.contiguous(memory_format=layout).requires_grad_()


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
def test_equals_convolution(stride, layout):
    conv = SpikeConv2d(3, 4, 3, stride, padding=1).double()
    plain = nn.Conv2d(3, 4, 3, stride, padding=1, bias=False).double()
    plain.load_state_dict(conv.state_dict())
    results = []
    for layer in (conv, plain):
        x = spikes(torch.float64, layout)
        out = layer(x)
        out.square().sum().backward()
        results.append((out, x.grad, layer.weight.grad))
    for ours, theirs in zip(*results):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_keeps_bits():
    saved = []

    def pack(tensor):
        saved.append((tensor.dtype, tuple(tensor.shape)))
        return tensor

    conv = SpikeConv2d(3, 4, 3)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        conv(spikes())
    assert saved == [(torch.uint8, (27, )),  # of 2 * 3 * 6 * 6 spikes
                     (torch.float32, (4, 3, 3, 3))]


def test_autocast():
    conv, x = SpikeConv2d(3, 4, 3), spikes()
    with torch.autocast('cpu', torch.bfloat16):
        out = conv(x)
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert x.grad.dtype == conv.weight.grad.dtype == torch.float32
    expected = nn.functional.conv2d(spikes(), conv.weight)
    torch.testing.assert_close(out.float(), expected, rtol=0.02, atol=0.02)


def test_frozen_weight_or_input():
    conv = SpikeConv2d(3, 4, 3)
    conv(spikes().detach()).sum().backward()
    assert conv.weight.grad.abs().sum() > 0
    conv.requires_grad_(False)
    x = spikes()
    conv(x).sum().backward()
    assert x.grad.abs().sum() > 0
