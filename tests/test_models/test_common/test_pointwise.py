import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import nn
from torch.profiler import ProfilerActivity, profile

from respike_mm.models.common.convolution import Convolution
from respike_mm.models.common.pointwise import (Linear, PointwiseConv2d,
                                                convert_convolutions)


@pytest.fixture(params=['AVX512', 'AVX2'])
def capability(request, monkeypatch):
    """Instructions of a pretended CPU, which decide who multiplies."""
    monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability',
                        lambda: request.param)
    monkeypatch.setattr(torch.backends.mkl, 'is_available', lambda: True)
    return request.param


def kernels(function, *args):
    """Names of the operators that a call runs."""
    with profile(activities=[ProfilerActivity.CPU]) as prof:
        function(*args)
    return {event.name for event in prof.events()}


def gradients(layer, x):
    x = x.clone().requires_grad_()
    layer.zero_grad()
    layer(x).square().sum().backward()
    return [x.grad, *(p.grad.clone() for p in layer.parameters())]


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('shape', [(2000, ), (2, 3, 500), (4, ), ()],
                         ids=str)
def test_linear_equals_pytorch(shape, bias, capability):
    torch.manual_seed(0)
    layer = Linear(16, 4, bias=bias)
    plain = nn.Linear(16, 4, bias=bias)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(*shape, 16)
    torch.testing.assert_close(layer(x), plain(x))
    for ours, theirs in zip(gradients(layer, x), gradients(plain, x)):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('size', [48, 3])
def test_convolution_equals_pytorch(size, layout, capability):
    torch.manual_seed(0)
    layer = PointwiseConv2d(6, 4)
    x = torch.randn(2, 6, size, size).contiguous(memory_format=layout)
    expected = F.conv2d(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected)
    assert layer(x).is_contiguous(memory_format=layout)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(),
                    reason='this PyTorch is built without oneDNN')
@pytest.mark.parametrize('tokens', [100, 1000, 2048])
def test_runs_on_onednn_for_many_tokens(tokens, capability):
    """Should PyTorch stop choosing it for dilated kernels, this fails."""
    torch.set_num_threads(1)
    onednn = tokens >= {'AVX512': 128, 'AVX2': 2048}[capability]
    found = kernels(Linear(512, 4), torch.randn(2, tokens // 2, 512))
    assert ('aten::mkldnn_convolution' in found) == onednn
    maps = torch.randn(1, 512, 4, tokens // 4)
    found = kernels(convert_convolutions(nn.Conv2d(512, 4, 1)), maps)
    # Of one image PyTorch itself leaves few to BLAS.
    assert ('aten::mkldnn_convolution' in found) == onednn


def test_other_types_take_the_usual_way():
    x = torch.randn(2000, 16, dtype=torch.float64)
    assert 'aten::linear' in kernels(Linear(16, 4).double(), x)
    with torch.autocast('cpu', torch.bfloat16):
        assert 'aten::linear' in kernels(Linear(16, 4), x.float())


def test_conversion_keeps_names_and_results():
    torch.manual_seed(0)
    net = nn.Sequential(
        ConvModule(3, 8, 1, conv_cfg=dict(type='Conv')),
        nn.Conv2d(8, 8, 1),
        nn.Conv2d(8, 8, 1, stride=2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, padding='same'),
        nn.Conv2d(8, 8, 3, dilation=2),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode='reflect'),
        nn.Conv2d(8, 8, 1, groups=2))
    fast = convert_convolutions(copy.deepcopy(net))
    assert [type(m) for m in (fast[0].conv, *fast[1:])] == [
        PointwiseConv2d, PointwiseConv2d, nn.Conv2d, Convolution,
        *[nn.Conv2d] * 4]
    assert fast.state_dict().keys() == net.state_dict().keys()
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(fast(x), net(x))
    torch.testing.assert_close(pickle.loads(pickle.dumps(fast))(x), net(x))
