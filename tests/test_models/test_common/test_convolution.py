import copy

import pytest
import torch
from torch import nn

from respike_mm.models.common import convolution as module
from respike_mm.models.common.checkpointing import recompute
from respike_mm.models.common.convolution import Convolution
from respike_mm.models.common.weight_gradient import weight_gradient


@pytest.fixture
def products(monkeypatch):
    """Calls of the product of matrices, as with AVX2 alone."""
    monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability',
                        lambda: 'AVX2')
    monkeypatch.setattr(torch.backends.mkl, 'is_available', lambda: True)
    calls = []
    monkeypatch.setattr(
        'respike_mm.models.common.weight_gradient.weight_gradient',
        lambda *args: calls.append(args) or weight_gradient(*args))
    return calls


def twins(**options):
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 4, 3, padding=1, **options)
    ours = copy.deepcopy(plain)
    ours.__class__ = Convolution
    return ours, plain


def run(conv, x):
    """Output, then gradients of input, weight and bias."""
    x = x.clone().requires_grad_()
    conv.zero_grad()
    out = conv(x)
    out.square().sum().backward()
    return [out, x.grad, *(p.grad for p in conv.parameters())]


def maps(layout=torch.channels_last):
    return torch.randn(2, 3, 6, 7).contiguous(memory_format=layout)


@pytest.mark.parametrize('options', [
    dict(), dict(stride=2), dict(bias=False), dict(stride=(1, 2))], ids=str)
@pytest.mark.parametrize('layout, expected', [
    (torch.channels_last, 1), (torch.contiguous_format, 0)])
def test_equals_pytorch(options, layout, expected, products):
    ours, plain = twins(**options)
    x = maps(layout)
    for found, right in zip(run(ours, x), run(plain, x)):
        torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-4)
    assert len(products) == expected


def test_with_avx512_it_is_pytorchs(products, monkeypatch):
    ours, plain = twins()
    monkeypatch.setattr(module, 'blas_beats_onednn', lambda: False)
    x = maps()
    for found, right in zip(run(ours, x), run(plain, x)):
        assert torch.equal(found, right)
    assert not products


@pytest.mark.parametrize('frozen', ['weight', 'input', 'bias'])
def test_frozen_parts(frozen, products):
    ours, plain = twins()
    x = maps()
    results = []
    for conv in (ours, plain):
        conv.weight.requires_grad_(frozen != 'weight')
        conv.bias.requires_grad_(frozen != 'bias')
        given = x.clone().requires_grad_(frozen != 'input')
        out = conv(given)
        # Where no weight wants a gradient, it is all PyTorch's.
        by_products = type(out.grad_fn).__name__ == '_ConvolutionBackward'
        assert by_products == (conv is ours and frozen != 'weight')
        out.square().sum().backward()
        results.append([given.grad, conv.weight.grad, conv.bias.grad])
    for found, right in zip(*results):
        if right is None:
            assert found is None
        else:
            torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-4)
    assert len(products) == (frozen != 'weight')


def test_takes_the_usual_way_elsewhere(products):
    """Other types, mixed precision, no gradients, a single image."""
    ours, plain = twins()
    x = maps()
    with torch.no_grad():
        assert torch.equal(ours(x), plain(x))
    with torch.autocast('cpu', torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    assert ours(x[0]).shape == (4, 6, 7)
    run(copy.deepcopy(ours).double(), x.double())
    assert not products


@pytest.mark.parametrize('keep_convolutions', [True, False])
def test_under_checkpoints(keep_convolutions, products):
    ours, plain = twins()
    x = maps().requires_grad_()
    out = recompute(lambda x: ours(x).relu(), x, owner=ours,
                    keep_convolutions=keep_convolutions)
    found = torch.autograd.grad(out.square().sum(), [x, ours.weight])
    right = torch.autograd.grad(plain(x).relu().square().sum(),
                                [x, plain.weight])
    torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-4)
    assert len(products) == 1
