import copy

import pytest
import torch
from torch import nn

from respike_mm.models.common.multi_step import norm_merged, norm_per_step


def test_statistics_per_step_by_hand():
    """Each step is centred on its own mean; running mean moves twice."""
    norm = nn.BatchNorm2d(1, eps=1e-12, momentum=0.5)
    # [S=2, N=2, 1, 1, 1]: means 1 and 10, deviations 1 and 2.
    x = torch.tensor([0., 2., 8., 12.]).view(2, 2, 1, 1, 1)
    out = norm_per_step(x, norm)
    torch.testing.assert_close(out.flatten(), torch.tensor([-1., 1., -1., 1.]))
    # 0 -> 0.5 -> 0.5 * 0.5 + 0.5 * 10
    assert norm.running_mean.item() == 5.25
    assert norm.num_batches_tracked == 2


def test_evaluation_uses_running_statistics():
    norm = nn.BatchNorm2d(2).eval()
    norm.running_mean.copy_(torch.tensor([1., -1.]))
    x = torch.randn(3, 2, 2, 4, 4)
    expected = torch.stack([norm(step) for step in x])
    torch.testing.assert_close(norm_per_step(x, norm), expected)


def test_channels_last_survives():
    x = torch.randn(6, 4, 5, 5).to(memory_format=torch.channels_last)
    out = norm_per_step(x.unflatten(0, (3, 2)), nn.BatchNorm2d(4))
    assert out.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('kwargs', [{}, dict(momentum=None),
                                    dict(affine=False),
                                    dict(track_running_stats=False)])
def test_one_node_equals_the_module_step_by_step(kwargs):
    torch.manual_seed(0)
    one = nn.BatchNorm2d(3, dtype=torch.float64, **kwargs)
    if one.affine:
        nn.init.normal_(one.weight)
        nn.init.normal_(one.bias)
    loop = copy.deepcopy(one)
    x = torch.randn(4, 2, 3, 5, 5, dtype=torch.float64)
    weights = torch.randn_like(x)
    grads = []
    for run in (lambda y: norm_per_step(y, one),
                lambda y: torch.stack([loop(step) for step in y])):
        y = x.clone().requires_grad_()
        (run(run(y)) * weights).sum().backward()  # two calls in a row
        grads.append(y.grad)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(one.parameters(), loop.parameters()):
        torch.testing.assert_close(
            ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)
    for name, value in loop.state_dict().items():
        torch.testing.assert_close(
            one.state_dict()[name], value, rtol=1e-12, atol=1e-12)


def test_merged_statistics_by_hand():
    """One mean over both steps, and an update that weighs as much as two."""
    norm = nn.BatchNorm2d(1, eps=1e-12, momentum=0.5)
    x = torch.tensor([0., 2., 8., 12.]).view(2, 2, 1, 1, 1)
    out = norm_merged(x, norm)
    deviation = 22.75**0.5  # mean 5.5
    torch.testing.assert_close(
        out.flatten(), (x.flatten() - 5.5) / deviation)
    assert norm.running_mean.item() == pytest.approx(0.75 * 5.5)
    assert norm.momentum == 0.5 and norm.num_batches_tracked == 1


def test_modes_agree_in_evaluation():
    norm = nn.BatchNorm2d(2).eval()
    nn.init.normal_(norm.running_mean)
    x = torch.randn(3, 2, 2, 4, 4)
    assert torch.equal(norm_merged(x, norm), norm_per_step(x, norm))
