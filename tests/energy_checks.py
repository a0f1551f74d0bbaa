"""What the energy meter sees in one forward pass."""
import torch

from respike_mm.evaluation.energy import EnergyMeter


def measure(model, *inputs, samples=1):
    """Observe one forward pass; records by layer name and operation."""
    meter = EnergyMeter(model.eval())
    with torch.no_grad(), meter.observe(samples):
        model(*inputs)
    assert not meter.measurement.unknown
    return meter.measurement.layers
