from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.autograd.graph import save_on_cpu
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from respike_mm.models import LIFNeuron
from respike_mm.models.common import batch_norm
from respike_mm.models.common.made_again import (Recipe, attach_recipe,
                                                  keep_source, recipe_of)
from respike_mm.models.common.multi_step import NORM_MODES, norm_per_step


class Calls(TorchDispatchMode):
    """Counts calls of one operator."""

    def __init__(self, operator):
        super().__init__()
        self.operator, self.count = operator, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is self.operator
        return func(*args, **(kwargs or {}))


def kept(function):
    """Result, and shapes of what autograd keeps beside parameters."""
    shapes = []

    def pack(tensor):
        if not isinstance(tensor, nn.Parameter) and tensor.dim() > 1:
            shapes.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        out = function()
    return out, shapes


def layers():
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(3).double(), nn.Linear(3, 5).double()
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    return norm, linear, x


def gradients(out, *leaves):
    return torch.autograd.grad(out.square().sum(), leaves)


def test_source_is_kept_and_the_layer_runs_once():
    norm, linear, x = layers()
    out, shapes = kept(lambda: keep_source(norm, linear, x))
    assert shapes == [(4, 3)]
    leaves = [x, *norm.parameters(), *linear.parameters()]
    with Calls(torch.ops.aten.addmm.default) as products, \
            Calls(torch.ops.aten.native_layer_norm.default) as norms:
        ours = gradients(out, *leaves)
    assert (products.count, norms.count) == (0, 1)
    plain, shapes = kept(lambda: linear(norm(x)))
    assert shapes.count((4, 3)) > 1
    for a, b in zip((out, *ours), (plain, *gradients(plain, *leaves))):
        assert torch.equal(a, b)


def test_without_gradients_it_is_a_call(monkeypatch):
    monkeypatch.setattr('respike_mm.models.common.made_again.checkpoint', None)
    norm, linear, x = layers()
    with torch.no_grad():
        assert torch.equal(keep_source(norm, linear, x), linear(norm(x)))


def test_a_recipe_holds_until_its_tensor_changes():
    x = torch.ones(2)
    assert recipe_of(x) is None
    recipe = Recipe(torch.neg, (-x, ))
    attach_recipe(x, recipe)
    assert recipe_of(x) is recipe
    assert recipe_of(x + 0) is None
    x.add_(1)
    assert recipe_of(x) is None


def currents(layout, dtype=torch.float32):
    """Like a convolution's output, so that about a fifth fires."""
    torch.manual_seed(0)
    x = 3 * torch.randn(6, 8, 9, 9)
    x = x.to(dtype).contiguous(memory_format=layout).requires_grad_()
    return x, x.unflatten(0, (3, 2))


@pytest.mark.parametrize('affine', [True, False])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('in_turn', [True, False])
def test_batch_norm_is_made_again_bit_for_bit(layout, dtype, affine, in_turn,
                                              monkeypatch):
    monkeypatch.setattr(batch_norm, '_in_turn', lambda x: in_turn)
    norm = nn.BatchNorm2d(8, affine=affine)
    for param in norm.parameters():
        nn.init.normal_(param)
    before = [b.clone() for b in norm.buffers()]
    x = currents(layout, dtype)[1]
    out = norm_per_step(x, norm)
    assert not torch.equal(norm.running_mean, before[0])
    after = [b.clone() for b in norm.buffers()]
    recipe = recipe_of(out)
    assert recipe.sources[0] is x
    with torch.no_grad():
        assert torch.equal(recipe.make(*recipe.sources), out)
    assert all(map(torch.equal, norm.buffers(), after))


def fire(x, norm, neuron=LIFNeuron(), wrap=lambda f, x: f(x),
         mode='per_step'):
    return wrap(neuron, NORM_MODES[mode](x, norm))


@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('mode, steps', [
    ('per_step', (3, 2)), ('merged', (1, 6))])
def test_neuron_behind_batch_norm_keeps_nothing_more(layout, mode, steps):
    """The same gradients as a neuron that keeps its input."""
    norm, (leaf, x) = nn.BatchNorm2d(8), currents(layout)
    spikes, shapes = kept(lambda: fire(x, norm, mode=mode))
    assert 0.05 < spikes.mean() < 0.5
    # Twice the norm's input and its two statistics: norm and neuron.
    statistics = 2 * [(steps[0], 8)]
    assert sorted(shapes) == sorted(2 * [(*steps, 8, 9, 9), *statistics])
    leaves = [leaf, *norm.parameters()]
    weight = torch.rand_like(spikes)
    ours = torch.autograd.grad((spikes * weight).sum(), leaves)
    plain = LIFNeuron()(NORM_MODES[mode](x, norm).clone())
    assert torch.equal(spikes, plain)
    for a, b in zip(ours, torch.autograd.grad((plain * weight).sum(), leaves)):
        assert a.abs().sum() > 0
        assert torch.equal(a, b)


@pytest.mark.parametrize('keeper', [nullcontext, save_on_cpu])
def test_a_checkpoint_may_begin_in_between(keeper):
    """Run again, the neuron may find a tensor without recipe."""
    norm, (leaf, x) = nn.BatchNorm2d(8), currents(torch.channels_last)

    def wrap(function, x):
        return checkpoint(function, x, use_reentrant=False)

    expected, = torch.autograd.grad(fire(x, norm).square().sum(), leaf)
    with keeper():
        out = fire(x, norm, wrap=wrap)
    grad, = torch.autograd.grad(out.square().sum(), leaf)
    assert torch.equal(grad, expected)
