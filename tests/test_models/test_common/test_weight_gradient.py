import pytest
import torch
import torch.nn.functional as F

from respike_mm.models.common import weight_gradient as module
from respike_mm.models.common.blas import blas_beats_onednn
from respike_mm.models.common.spike_conv import SpikeConv2d
from respike_mm.models.common.weight_gradient import (blocks,
                                                      prefers_products,
                                                      weight_gradient)

AVX2, AVX512 = 'AVX2', 'AVX512'


@pytest.fixture
def cpu(monkeypatch):
    """Pretend to be on a CPU of this capability."""

    def pretend(capability, mkl=True):
        monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability',
                            lambda: capability)
        monkeypatch.setattr(torch.backends.mkl, 'is_available', lambda: mkl)

    return pretend


@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    'kernel,stride,padding',
    [((3, 3), (1, 1), (1, 1)), ((3, 3), (2, 2), (1, 1)),
     ((1, 1), (2, 2), (0, 0)), ((3, 5), (2, 1), (0, 2))])
def test_equals_autograd(kernel, stride, padding, layout, monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(5, 3, 7, 8).double().contiguous(memory_format=layout)
    weight = torch.randn(4, 3, *kernel).double().requires_grad_()
    out = F.conv2d(x, weight, None, stride, padding)
    grad = torch.randn_like(out)
    expected, = torch.autograd.grad(out, weight, grad)
    torch.testing.assert_close(
        weight_gradient(x, grad, kernel, stride, padding), expected)
    # Two images a product, two rows, then less than one: the sum is the same.
    monkeypatch.setattr(module, '_MIN_POSITIONS', 1)
    row = out[0, 0, 0].numel() * weight[0].numel()
    for elements in (2 * out.shape[2] * row, 2 * row, 1):
        monkeypatch.setattr(module, '_MAX_ELEMENTS', elements)
        torch.testing.assert_close(
            weight_gradient(x, grad, kernel, stride, padding), expected)


@pytest.mark.parametrize('rows, expected', [
    (7, [[0, 1, 2, 3, 4, 5], [6, 7, 8]]), (3, [[0, 1, 2], [3, 4, 5],
                                               [6, 7, 8]]),
    (2, [[0, 1], [2], [3, 4], [5], [6, 7], [8]]),
    (0, [[i] for i in range(9)])])
def test_blocks_are_whole_maps_or_rows_of_one(rows, expected):
    """Three maps of three rows."""
    maps = torch.arange(9).view(3, 3, 1)
    assert [x.flatten().tolist() for x in blocks(maps, rows)] == expected


def test_by_hand():
    """Two pixels of one row, padded to 0 1 2 0, under gradients 10 and 100."""
    x = torch.tensor([[[[1., 2.]]]])
    grad = torch.tensor([[[[10., 100.]]]])
    found = weight_gradient(x, grad, (1, 3), (1, 1), (0, 1))
    assert found.tolist() == [[[[100., 210., 20.]]]]


def test_chosen_with_avx2_alone(cpu):
    cpu(AVX2)
    grad = torch.randn(2, 3, 4, 5)
    last = grad.contiguous(memory_format=torch.channels_last)
    assert prefers_products(last)
    assert not prefers_products(grad)
    assert not prefers_products(last.double())
    assert not prefers_products(last.to('meta'))
    for other in (AVX512, 'DEFAULT', 'SVE256'):  # the last two not measured
        cpu(other)
        assert not blas_beats_onednn() and not prefers_products(last)
    cpu(AVX2, mkl=False)
    assert not blas_beats_onednn() and not prefers_products(last)


@pytest.mark.parametrize('frozen', ['spikes', 'weight', None])
def test_spike_convolution_by_products(frozen, cpu, monkeypatch):
    calls = []
    monkeypatch.setattr(
        module, 'weight_gradient',
        lambda *args: calls.append(args) or weight_gradient(*args))
    torch.manual_seed(0)
    conv = SpikeConv2d(3, 4, 3, stride=2, padding=1)
    spikes = (torch.rand(2, 3, 6, 6) < 0.3).float().contiguous(
        memory_format=torch.channels_last)
    conv.weight.requires_grad_(frozen != 'weight')
    results = []
    for capability in (AVX512, AVX2):
        cpu(capability)
        x = spikes.clone().requires_grad_(frozen != 'spikes')
        conv.zero_grad()
        conv(x).square().sum().backward()
        results.append([x.grad, conv.weight.grad])
    assert len(calls) == (frozen != 'weight')
    for ours, theirs in zip(*results):
        if theirs is None:
            assert ours is None
        else:
            torch.testing.assert_close(ours, theirs)
