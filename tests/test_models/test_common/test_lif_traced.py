import pytest
import torch

from respike_mm.models.common import lif_functional, lif_traced
from respike_mm.models.common.lif import LIFNeuron

NEURONS = [
    dict(),
    dict(tau=3., decay_input=False, v_threshold=0.7,
         surrogate=dict(type='Sigmoid', alpha=4.)),
]


@pytest.mark.parametrize('options', NEURONS)
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_equals_the_other_operations(options, dtype):
    neuron = LIFNeuron(**options)
    x = (torch.randn(6, 3, 5, 4) * 2).to(dtype)
    grad = torch.randn(x.shape).to(dtype)
    spikes = lif_traced.spikes(x, neuron.params)
    assert 0.05 < spikes.float().mean() < 0.95
    assert torch.equal(spikes, lif_functional.lif_spikes(x, neuron.params))
    ours, expected = (
        module.input_gradient(x, grad, neuron.params, neuron.surrogate)
        for module in (lif_traced, lif_functional))
    assert ours.dtype == dtype
    torch.testing.assert_close(ours, expected)
