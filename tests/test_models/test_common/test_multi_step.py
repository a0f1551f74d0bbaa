import copy

import pytest
import torch
from torch import nn

from respike_mm.models.common import batch_norm
from respike_mm.models.common.multi_step import (NORM_MODES, norm_merged,
                                                  norm_per_step)


@pytest.fixture(params=['in turn', 'batched'])
def way(request, monkeypatch):
    """How the steps are normalised on a CPU, and elsewhere."""
    monkeypatch.setattr(batch_norm, '_in_turn',
                        lambda x: request.param == 'in turn')


def test_statistics_per_step_by_hand(way):
    """Each step is centred on its own mean; running mean moves twice."""
    norm = nn.BatchNorm2d(1, eps=1e-12, momentum=0.5)
    # [S=2, N=2, 1, 1, 1]: means 1 and 10, deviations 1 and 2.
    x = torch.tensor([0., 2., 8., 12.]).view(2, 2, 1, 1, 1)
    out = norm_per_step(x, norm)
    torch.testing.assert_close(out.flatten(), torch.tensor([-1., 1., -1., 1.]))
    # 0 -> 0.5 -> 0.5 * 0.5 + 0.5 * 10
    assert norm.running_mean.item() == 5.25
    assert norm.num_batches_tracked == 2


@pytest.mark.parametrize('mode', NORM_MODES)
def test_evaluation_uses_running_statistics(mode):
    norm = nn.BatchNorm2d(2).eval()
    norm.running_mean.copy_(torch.tensor([1., -1.]))
    x = torch.randn(3, 2, 2, 4, 4)
    expected = torch.stack([norm(step) for step in x])
    torch.testing.assert_close(NORM_MODES[mode](x, norm), expected)


def test_channels_last_survives(way):
    x = torch.randn(6, 4, 5, 5).to(memory_format=torch.channels_last)
    out = norm_per_step(x.unflatten(0, (3, 2)), nn.BatchNorm2d(4))
    assert out.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def one_step_at_a_time(x, norm):
    return torch.stack([norm(step) for step in x])


@pytest.mark.parametrize('options', [
    {},
    dict(momentum=None),
    dict(affine=False),
    dict(track_running_stats=False),
], ids=str)
@pytest.mark.parametrize('kind', [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_equals_one_call_a_step(kind, options, way):
    """Outputs, gradients and statistics, over two batches of a run."""
    torch.manual_seed(0)
    norm = kind(3, **options).double()
    for param in norm.parameters():
        nn.init.normal_(param)
    oracle = copy.deepcopy(norm)
    for steps in (4, 2):
        x = torch.randn(steps, 2, 3, 4, 5, dtype=torch.float64) * 2 + 1
        weight, results = torch.randn_like(x), []
        for function, layer in ((norm_per_step, norm),
                                (one_step_at_a_time, oracle)):
            inputs = x.clone().requires_grad_()
            out = function(inputs, layer)
            (out * weight).sum().backward()
            results.append(
                [out, inputs.grad, *(p.grad for p in layer.parameters())])
        for ours, theirs in zip(*results):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert norm.state_dict().keys() == oracle.state_dict().keys()
    for name, value in oracle.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name], value,
                                   rtol=1e-12, atol=1e-12)


def test_evaluation_without_running_statistics():
    """Then batch norm goes on using those of the batch, here of the step."""
    norm = nn.BatchNorm2d(2, track_running_stats=False).eval()
    x = torch.arange(3.).view(3, 1, 1, 1, 1) + torch.randn(3, 2, 2, 4, 4)
    torch.testing.assert_close(
        norm_per_step(x, norm), one_step_at_a_time(x, norm))


def test_batch_norm_is_one_node(way):
    x = torch.randn(5, 2, 3, 4, 4, requires_grad=True)
    y = norm_per_step(x, nn.BatchNorm2d(3))  # PyTorch 2.11 needs it alive
    assert [type(node).__name__ for node, _ in y.grad_fn.next_functions
            if node] == [
        'AccumulateGrad'] * 3  # input, weight and bias


@pytest.mark.parametrize('register', [
    nn.Module.register_forward_hook,
    nn.Module.register_forward_pre_hook,
    nn.Module.register_full_backward_hook,
    nn.Module.register_full_backward_pre_hook,
    lambda norm, hook: nn.modules.module.register_module_forward_hook(hook),
    lambda norm, hook: nn.modules.module.register_module_full_backward_hook(
        hook),
])
def test_hooks_see_every_step(register):
    norm, seen = nn.BatchNorm2d(3), []
    handle = register(norm, lambda *args: seen.append(1))
    x = torch.randn(5, 2, 3, 4, 4, requires_grad=True)
    norm_per_step(x, norm).sum().backward()
    handle.remove()
    assert len(seen) == 5


def test_single_values_are_refused():
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        norm_per_step(torch.randn(3, 1, 2, 1, 1), nn.BatchNorm2d(2))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_keeps_statistics_in_float32(dtype, way):
    norm = nn.BatchNorm2d(3)
    oracle = copy.deepcopy(norm)
    x = torch.randn(4, 2, 3, 5, 5).to(dtype).requires_grad_()
    weight = torch.randn(4, 2, 3, 5, 5).to(dtype)
    out = norm_per_step(x, norm)
    assert out.dtype == dtype
    (out * weight).sum().backward()
    inputs = x.detach().requires_grad_()
    expected = one_step_at_a_time(inputs, oracle)
    (expected * weight).sum().backward()
    torch.testing.assert_close(norm.running_var, oracle.running_var)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(x.grad, inputs.grad, rtol=0, atol=4e-2)
    assert x.grad.dtype == dtype


def test_merged_statistics_by_hand():
    """Mean and variance over time and batch; one update that counts two."""
    norm = nn.BatchNorm2d(1, eps=1e-12, momentum=0.5)
    x = torch.tensor([0., 2., 8., 10.]).view(2, 2, 1, 1, 1)  # mean 5, var 17
    out = norm_merged(x, norm)
    expected = torch.tensor([-5., -3., 3., 5.]) / 17**0.5
    torch.testing.assert_close(out.flatten(), expected)
    assert norm.running_mean.item() == pytest.approx(0.75 * 5)
    assert norm.momentum == 0.5
    assert norm.num_batches_tracked == 1


def test_old_statistics_fade_alike_in_both_modes():
    faded = []
    for function in NORM_MODES.values():
        norm = nn.BatchNorm2d(2)
        norm.running_mean.fill_(1.)
        function(torch.zeros(7, 2, 2, 4, 4), norm)
        faded.append(norm.running_mean)
    torch.testing.assert_close(*faded)
    torch.testing.assert_close(faded[0], torch.full((2, ), 0.9**7))


@pytest.mark.parametrize('mode', NORM_MODES)
def test_other_normalisation(mode):
    norm = nn.GroupNorm(2, 4)
    x = torch.randn(3, 2, 4, 5, 5)
    torch.testing.assert_close(NORM_MODES[mode](x, norm),
                               one_step_at_a_time(x, norm))


def test_steps_that_are_not_dense():
    """The kernel that writes in place cannot read them."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 5, 5).transpose(0, 1).requires_grad_()
    results = []
    for sequence in (x, x.contiguous()):
        norm = nn.BatchNorm2d(4)
        out = norm_per_step(sequence, norm)
        grad, = torch.autograd.grad(out.pow(3).sum(), x)
        results.append([out, grad, norm.running_mean, norm.running_var])
    for ours, theirs in zip(*results):
        torch.testing.assert_close(ours, theirs)
