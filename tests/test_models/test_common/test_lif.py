"""The neuron against a closed-form derivation and spikingjelly's node."""
import math

import pytest
import torch
from spikingjelly.activation_based import neuron, surrogate

from respike_mm.models.common.lif import LIFNeuron
from respike_mm.models.common.lif_functional import (LIFParameters, lif_spikes,
                                                     lif_step,
                                                     negative_membrane)

MS_RESNET = dict(
    decay_input=False,
    v_threshold=0.5,
    surrogate=dict(type='Rect', alpha=1.))


def test_membrane_by_hand():
    # V <- 0.25 V + 0.75 X, threshold 1, hard reset to zero.
    x = torch.tensor([1., 1., 2., 0., 0.4])
    h = negative_membrane(x, LIFParameters(0.25, 0.75, 1.))
    # 0.75; 0.1875 + 0.75; 0.234375 + 1.5 (spike, reset); 0; 0.3
    expected = [0.75, 0.9375, 1.734375, 0., 0.3]
    torch.testing.assert_close(-h, torch.tensor(expected))


def test_spikes_by_hand():
    # The third step fires; without the reset the fourth would too.
    x = torch.tensor([[1.], [1.], [2.], [1.2]])
    assert LIFNeuron()(x).flatten().tolist() == [0, 0, 1, 0]
    # MS-ResNet's: V <- 0.25 V + X, threshold 0.5: 0.4, then 0.5 fires.
    x = torch.tensor([[0.4], [0.4], [0.45]])
    assert LIFNeuron(**MS_RESNET)(x).flatten().tolist() == [0, 1, 0]


def test_step_by_hand():
    # V <- 0.25 V + 0.75 X: 0.5 -> 0.875; 2 -> 1.625, which fires.
    spikes, v = lif_step(
        torch.tensor([1., 2.]), torch.tensor([0.5, 0.5]),
        LIFParameters(0.25, 0.75, 1.))
    assert spikes.tolist() == [0, 1]
    assert v.tolist() == [0.875, 0]


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_steps_equal_the_sequence(dtype):
    params = LIFParameters(0.25, 0.75, 1.)
    x = (torch.randn(9, 1000) * 2).to(dtype)
    v, spikes = None, []
    for step in x:
        out, v = lif_step(step, v, params)
        spikes.append(out)
    assert v.dtype == torch.float32
    spikes = torch.stack(spikes)
    assert 0 < spikes.mean() < 1
    assert torch.equal(spikes, lif_spikes(x, params))


def test_exported_neuron_takes_any_batch():
    """Also after decompositions, through which ONNX and compilers go."""
    batch = torch.export.Dim('batch')
    with torch.no_grad():
        program = torch.export.export(
            LIFNeuron(), (torch.randn(3, 2, 4), ),
            dynamic_shapes=({1: batch}, )).run_decompositions()
    x = torch.randn(3, 5, 4) * 2
    expected = LIFNeuron()(x)
    assert expected.any()
    assert torch.equal(program.module()(x), expected)


def test_threshold_is_inclusive():
    x = torch.tensor([[1.]])
    assert LIFNeuron(decay_input=False)(x).item() == 1


def test_gradient_by_hand():
    """Two steps, ATan with alpha 2, reset detached.

    dO/dH = 1 / (1 + (pi (H - 1))^2). Step 1 does not fire, so H1 flows on:
    dL/dX1 = 0.75 (g1 s1 + 0.25 g2 s2), dL/dX2 = 0.75 g2 s2.
    """
    x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    g1, g2 = 3., 5.
    spikes = LIFNeuron()(x)
    (spikes * torch.tensor([g1, g2])).sum().backward()
    h1 = 0.75
    h2 = 0.25 * h1 + 0.75 * 2
    s1, s2 = (1 / (1 + (math.pi * (h - 1))**2) for h in (h1, h2))
    expected = [0.75 * (g1 * s1 + 0.25 * g2 * s2), 0.75 * g2 * s2]
    torch.testing.assert_close(x.grad.tolist(), expected, rtol=1e-14, atol=0)


def test_gradient_stops_at_a_reset():
    x = torch.tensor([2., 0.5], requires_grad=True)
    LIFNeuron()(x)[1].backward()  # step 1 fires, so step 2 starts from rest
    assert x.grad[0] == 0
    assert x.grad[1] > 0


@pytest.mark.parametrize('options', [
    {},
    MS_RESNET,
    dict(tau=2.),
    dict(tau=3., decay_input=False, surrogate=dict(type='Sigmoid')),
])
def test_equals_spikingjelly(options):
    ours = LIFNeuron(**options)
    oracle = neuron.LIFNode(
        tau=options.get('tau', 4 / 3),
        decay_input=options.get('decay_input', True),
        v_threshold=options.get('v_threshold', 1.),
        surrogate_function=ours.surrogate,
        detach_reset=True,
        step_mode='m')
    torch.manual_seed(0)
    x = torch.randn(7, 2, 3, 4, dtype=torch.float64) * 2
    weight = torch.randn_like(x)
    grads, outputs = [], []
    for node in (ours, oracle):
        inputs = x.clone().requires_grad_()
        out = node(inputs)
        (out * weight).sum().backward()
        grads.append(inputs.grad)
        outputs.append(out)
    assert 0.05 < outputs[0].mean() < 0.95
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-12, atol=1e-13)


def test_keeps_no_state():
    lif, x = LIFNeuron(), torch.full((2, 3), 0.9)
    first = lif(x)
    torch.testing.assert_close(lif(x), first, rtol=0, atol=0)
    # Another batch size right after is no trouble either.
    assert lif(torch.full((2, 5), 0.9)).shape == (2, 5)


def test_steps_are_the_first_axis():
    """Two items that fire at different steps do not mix."""
    x = torch.tensor([[2., 0.], [0., 2.]])  # [S, N]
    assert LIFNeuron()(x).tolist() == [[1, 0], [0, 1]]


def test_same_spikes_without_gradient():
    x = torch.randn(5, 100)
    with torch.no_grad():
        plain = LIFNeuron()(x)
    torch.testing.assert_close(
        plain, LIFNeuron()(x.requires_grad_()).detach(), rtol=0, atol=0)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_membrane_accumulates_in_float32(dtype):
    x = torch.randn(6, 50).to(dtype)
    spikes = LIFNeuron()(x.requires_grad_())
    assert spikes.dtype == dtype
    torch.testing.assert_close(
        spikes.float(), LIFNeuron()(x.detach().float()), rtol=0, atol=0)
    spikes.sum().backward()
    assert x.grad.dtype == dtype


def test_saves_one_tensor():
    saved = []
    x = torch.randn(4, 1000, requires_grad=True)

    def pack(tensor):
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        LIFNeuron()(x)
    assert saved == [4000]


@pytest.mark.parametrize('options, message', [
    (dict(tau=1.), 'tau must exceed 1'),
    (dict(v_threshold=0.), 'v_threshold must be positive'),
    (dict(surrogate=dict(type='Nope')), "no surrogate function 'Nope'"),
    (dict(surrogate=dict(type='heaviside')), 'heaviside'),
    # Their closed forms want a constant that they do not have.
    (dict(surrogate=dict(type='DeterministicPass')), 'closed-form gradient'),
    (dict(surrogate=dict(type='PoissonPass')), 'closed-form gradient'),
    (dict(surrogate=dict(type='ATan', spiking=False)), 'spiking=False'),
    (dict(tau=math.inf), 'decay_input=False'),
])
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        LIFNeuron(**options)


def test_unknown_option():
    with pytest.raises(TypeError):
        LIFNeuron(threshold=1.)


def test_surrogates_come_from_spikingjelly():
    assert isinstance(LIFNeuron().surrogate, surrogate.ATan)


def test_neuron_without_leak_adds_up():
    node = LIFNeuron(tau=math.inf, decay_input=False)
    x = torch.tensor([0.5, 0.25, 0.25, 0.5])
    assert node(x[:, None]).flatten().tolist() == [0, 0, 1, 0]
