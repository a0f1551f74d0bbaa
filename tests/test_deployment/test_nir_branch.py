import pytest
import torch
from spikingjelly.activation_based import functional
from tiny_respike import SMALLEST, settled

from respike_mm.deployment import export_nir, run_nir, spikingjelly_branch
from respike_mm.deployment.nir_branch import spikingjelly_neuron
from respike_mm.models import LIFNeuron
from respike_mm.models.common.lif_functional import lif_spikes


def branch(**options):
    cfg = {**SMALLEST['snn_backbone'], **options}
    return settled(**{**SMALLEST, 'snn_backbone': cfg}).snn_backbone


@pytest.mark.parametrize('options', [
    dict(), dict(tau=2., decay_input=False, v_threshold=0.5)])
def test_neuron(options):
    ours = LIFNeuron(**options)
    node = spikingjelly_neuron(ours)
    x = torch.randn(6, 500, dtype=torch.float64) * 2
    expected = lif_spikes(x, ours.params)
    assert 0 < expected.mean() < 1
    assert torch.equal(torch.stack([node(step) for step in x]), expected)


@torch.no_grad()
def test_spikingjelly_branch():
    network, x = branch(), torch.randn(4, 2, 3, 32, 32)
    twin, expected = spikingjelly_branch(network, (32, 32)), network(x)
    assert expected.std() > 0.1
    for _ in range(2):  # the caller resets
        functional.reset_net(twin)
        out = torch.stack([twin(step) for step in x])
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('options', [
    dict(),
    dict(final_neuron=True, shortcut='strided', stem='conv7x7', neuron=dict(
        type='LIFNeuron', decay_input=False, v_threshold=0.5)),
], ids=['official', 'ms-resnet'])
@torch.no_grad()
def test_graph_read_again(options, tmp_path):
    pytest.importorskip('nir')
    pytest.importorskip('nirtorch')
    network, x = branch(**options), torch.randn(4, 2, 3, 32, 32)
    export_nir(network, (32, 32), tmp_path / 'branch.nir')
    out = run_nir(tmp_path / 'branch.nir', x)
    torch.testing.assert_close(out, network(x), rtol=0, atol=1e-5)


def test_what_nir_cannot_hold():
    with pytest.raises(ValueError, match='40x40.*divisible by 32'):
        spikingjelly_branch(branch(), (40, 40))
    network = branch(norm_cfg=dict(type='GN', num_groups=2))
    with pytest.raises(ValueError, match='GroupNorm cannot be folded'):
        spikingjelly_branch(network, (32, 32))
    network = settled(
        snn_backbone=dict(type='SNNResNet', base_channels=8)).snn_backbone
    with pytest.raises(ValueError, match='MSResNet, not SNNResNet'):
        spikingjelly_branch(network, (32, 32))
