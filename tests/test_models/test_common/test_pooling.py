import pytest
import torch
import torch.nn.functional as F

from respike_mm.models.common.pooling import AveragePool2d, average_pool


def test_border_cells_by_hand():
    """The last row and column average what they hold."""
    x = torch.tensor([[1., 2., 6.], [3., 4., 8.], [10., 20., 5.]],
                     requires_grad=True)
    out = average_pool(x[None, None], 2)
    assert out.tolist() == [[[[2.5, 7.], [15., 5.]]]]
    (out * torch.tensor([[4., 2.], [6., 7.]])).sum().backward()
    assert x.grad.tolist() == [[1., 1., 1.], [1., 1., 1.], [3., 3., 7.]]


@pytest.mark.parametrize('factor', [2, 3])
@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_equals_pytorch(dtype, layout, factor):
    x = torch.randn(2, 3, 7, 8).to(dtype).contiguous(memory_format=layout)
    results = []
    for pool in (AveragePool2d(factor), lambda x: F.avg_pool2d(
            x, factor, ceil_mode=True, count_include_pad=False)):
        leaf = x.clone().requires_grad_()
        out = pool(leaf)
        (out * torch.arange(out.shape[-1], dtype=dtype)).sum().backward()
        results.append((out, leaf.grad))
    for ours, theirs in zip(*results):
        assert torch.equal(ours, theirs)
        assert ours.stride() == theirs.stride()


def test_keeps_nothing():
    kept = []
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda t: t):
        average_pool(x, 2)
    assert not kept
