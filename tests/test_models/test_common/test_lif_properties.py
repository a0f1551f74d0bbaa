"""Inputs and constants are multiples of powers of two, so that every sum is
exact and no potential is near the threshold by rounding."""
import torch
from hypothesis import given
from hypothesis import strategies as st

from respike_mm.models import LIFNeuron
from respike_mm.models.common.lif_functional import (LIFParameters, lif_spikes,
                                                     lif_step)

PARAMETERS = st.builds(
    LIFParameters,
    decay=st.sampled_from([0., 0.25, 0.5, 0.75, 1.]),
    gain=st.sampled_from([0.25, 0.5, 1.]),
    v_threshold=st.integers(1, 32).map(lambda n: n / 16))


@st.composite
def currents(draw):
    """Inputs ``[S, N, C]``, float64, from -4 to 4."""
    shape = [draw(st.integers(1, n)) for n in (8, 3, 4)]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    return torch.randint(-64, 65, shape, generator=generator).double() / 16


@given(currents(), PARAMETERS)
def test_the_equations_hold_for_every_neuron(x, params):
    spikes = lif_spikes(x, params)
    for index in torch.cartesian_prod(*map(torch.arange, x.shape[1:])
                                      ).view(-1, 2).tolist():
        v = 0.
        for t, current in enumerate(x[(slice(None), *index)].tolist()):
            h = params.decay * v + params.gain * current
            spike = h >= params.v_threshold
            assert spikes[(t, *index)] == float(spike)
            v = 0. if spike else h


@given(currents(), PARAMETERS, st.integers(0, 8))
def test_steps_and_scan_agree_wherever_the_scan_is_cut(x, params, cut):
    v, spikes = None, []
    for step in x:
        out, v = lif_step(step, v, params)
        spikes.append(out)
    whole = lif_spikes(x, params)
    assert torch.equal(torch.stack(spikes), whole)
    # The past does not know of the future.
    assert torch.equal(lif_spikes(x[:cut], params), whole[:cut])


@given(currents(), PARAMETERS)
def test_spikes_are_binary_and_neurons_independent(x, params):
    spikes = lif_spikes(x, params)
    assert set(spikes.unique().tolist()) <= {0., 1.}
    assert torch.equal(lif_spikes(x.flip(2), params), spikes.flip(2))
    assert torch.equal(lif_spikes(x[:, :1], params), spikes[:, :1])


def first_spike(spikes):
    """Step of the first spike, ``S`` without one: ``[N, C]``."""
    never = torch.ones_like(spikes[:1])
    return torch.cat([spikes, never]).argmax(0)


@given(currents(), PARAMETERS, st.integers(0, 32))
def test_a_higher_threshold_delays_the_first_spike(x, params, more):
    higher = params._replace(v_threshold=params.v_threshold + more / 16)
    assert (first_spike(lif_spikes(x, higher)) >=
            first_spike(lif_spikes(x, params))).all()


@given(currents(), PARAMETERS, st.sampled_from([0.25, 2., 8.]))
def test_input_and_threshold_may_be_scaled_together(x, params, factor):
    scaled = params._replace(v_threshold=factor * params.v_threshold)
    assert torch.equal(lif_spikes(factor * x, scaled), lif_spikes(x, params))


@given(currents(), st.sampled_from(['ATan', 'Sigmoid', 'Rect']),
       st.integers(1, 8))
def test_training_spikes_as_inference_and_gradients_are_causal(
        x, surrogate, cut):
    neuron = LIFNeuron(tau=2., surrogate=dict(type=surrogate))
    expected = neuron(x)
    spikes = neuron(x.requires_grad_())
    assert torch.equal(spikes, expected)
    grad, = torch.autograd.grad(spikes[:cut].sum(), x)
    assert torch.isfinite(grad).all()
    assert not grad[cut:].any()
