"""The meter on MS-ResNet in training, and step by step."""
import torch
from mmaction.registry import MODELS

from respike_mm.evaluation.energy import EnergyMeter
from respike_mm.models.common.stepping import step_by_step


def test_packing_of_spikes_for_the_backward_pass_is_no_arithmetic():
    torch.manual_seed(0)
    model = MODELS.build(dict(type='MSResNet', base_channels=8)).train()
    x, layers = torch.randn(2, 1, 3, 33, 33) * 4, []
    for context in (torch.no_grad, torch.enable_grad):
        meter = EnergyMeter(model)
        with context(), meter.observe(1):
            out = model(x)
        assert not meter.measurement.unknown
        layers.append(meter.measurement.layers)
    assert out.requires_grad and layers[0] == layers[1]
    assert meter.measurement.moved['bitwise_right_shift'] == 16


def test_neurons_of_single_steps_are_neurons():
    torch.manual_seed(0)
    network = MODELS.build(dict(type='MSResNet', base_channels=8)).eval()
    twin, tape = step_by_step(network)
    meters = EnergyMeter(network), EnergyMeter(twin)
    x = torch.randn(3, 1, 3, 32, 32) * 4
    with torch.no_grad():
        for meter, steps in zip(meters, ([x], x.split(1))):
            membranes = None
            for step in steps:
                with meter.observe(1), tape.playing(membranes) as membranes:
                    y = meter.model.forward_stem(step)
                    meter.model.forward_stage(y, 0)
    whole, stepped = ({
        name: record.total
        for (name, op), record in meter.measurement.layers.items()
        if op == 'neuron'
    } for meter in meters)
    assert len(whole) == 4 and whole == stepped
    assert any(work.spikes for work in whole.values())
