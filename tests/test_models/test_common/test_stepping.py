import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from respike_mm.models.common.stepping import step_by_step


def stages(network, x):
    x = network.forward_stem(x)
    for stage in range(4):
        x = network.forward_stage(x, stage)
    return x


@pytest.mark.parametrize('channels', [3, 1])
@torch.no_grad()
def test_steps_add_up_to_the_sequence(channels):
    torch.manual_seed(0)
    network = MODELS.build(
        dict(type='MSResNet', base_channels=8, in_channels=channels)).eval()
    x = torch.randn(4, 2, channels, 32, 32) * 4
    twin, tape = step_by_step(network)
    expected = stages(network, x)
    membranes = None
    for t in range(4):
        with tape.playing(membranes) as membranes:
            out = stages(twin, x[t:t + 1])
        torch.testing.assert_close(out[0], expected[t])
    assert len(membranes) == 16  # two neurons a block
    with tape.playing(None):  # from rest again
        again = stages(twin, x[:1])
    torch.testing.assert_close(again[0], expected[0])


def test_weights_are_shared_and_the_network_is_left_alone():
    network = MODELS.build(dict(type='MSResNet', base_channels=8)).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    twin, _ = step_by_step(network)
    assert network.training and not twin.training
    for name, value in twin.state_dict(keep_vars=True).items():
        assert value is network.state_dict(keep_vars=True)[name], name
        assert torch.equal(value, before[name]), name


@MODELS.register_module()
class SteplessNeuron(nn.Module):
    """Remembers, and is no LIFNeuron."""

    def forward(self, x):
        return x.cumsum(0)


@pytest.mark.parametrize('options', [
    dict(type='STSResNet'),
    dict(type='MSResNet', neuron=dict(type='SteplessNeuron')),
], ids=['kernel', 'neuron'])
def test_network_that_connects_steps_is_refused(options):
    network = MODELS.build(dict(base_channels=8, **options))
    with pytest.raises(ValueError, match='cannot run step by step'):
        step_by_step(network)
