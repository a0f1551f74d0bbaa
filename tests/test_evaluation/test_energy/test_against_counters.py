"""Beside other counters: spikingjelly's and MMEngine's (fvcore's).

Where they agree, they are independent references. Where they differ, the
figure worked out by hand says who is right.
"""
import pytest
import torch
import torch.nn.functional as F
import torchvision
from mmengine.analysis import FlopAnalyzer
from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.op_counter import (ACCounter,
                                                      DispatchCounterMode,
                                                      LemaireEnergyConfig,
                                                      LemaireEnergyProfiler,
                                                      MACCounter,
                                                      SynOpCounter,
                                                      estimate_simple_energy)
from torch import nn

from respike_mm.evaluation.energy import EnergyConstants, EnergyMeter
from respike_mm.evaluation.energy.rules.paper import paper

SPIKES = (torch.rand(1, 4, 6, 6, generator=torch.manual_seed(0)) < .3).float()


def meter_of(model, *inputs, context=torch.no_grad):
    meter = EnergyMeter(model)
    with context(), meter.observe(1):
        model(*inputs)
    return meter


def spikingjelly_counts(model, *inputs, context=torch.no_grad):
    counters = [MACCounter(), ACCounter(), SynOpCounter()]
    with context(), DispatchCounterMode(counters):
        model(*inputs)
    return [counter.get_total() for counter in counters]


@pytest.mark.parametrize('options', [
    dict(padding=1), dict(padding=1, stride=2), dict(padding=1, groups=2),
    dict(padding=2, dilation=2)
])
def test_convolutions_agree_with_spikingjelly(options):
    model = nn.Sequential(nn.Conv2d(4, 8, 3, bias=False, **options))
    _, _, synops = spikingjelly_counts(model, SPIKES)
    spiking = meter_of(model, SPIKES).report().totals()['strict']
    assert spiking['syops'] == synops
    macs, _, _ = spikingjelly_counts(model, SPIKES + 0.5)
    dense = meter_of(model, SPIKES + 0.5).report().totals()['strict']
    assert dense['macs'] == macs


def test_spikingjelly_misses_fused_attention():
    """3 queries, 5 keys, 2 heads of 4: 2 x 3 x 5 x (4 + 4) by hand."""

    class Attend(nn.Module):

        def forward(self, q, k, v):
            return F.scaled_dot_product_attention(q, k, v)

    inputs = (torch.randn(1, 2, 3, 4), torch.randn(1, 2, 5, 4),
              torch.randn(1, 2, 5, 4))
    assert spikingjelly_counts(Attend(), *inputs) == [0, 0, 0]
    layers = meter_of(Attend(), *inputs).measurement.layers
    assert sum(r.total.macs for r in layers.values() if r.kinds) == 240


def test_spikingjelly_takes_zero_weights_for_spikes():
    """A zero-initialised layer on floats multiplies all the same."""
    model = nn.Sequential(nn.Linear(4, 6, bias=False))
    nn.init.zeros_(model[0].weight)
    x = torch.full((2, 4), 0.5)
    assert spikingjelly_counts(model, x)[0] == 0
    assert meter_of(model, x).report().totals()['strict']['macs'] == 48


def test_spikingjelly_sees_no_layers_in_inference_mode():
    model, x = nn.Sequential(nn.Linear(4, 6, bias=False)), torch.randn(2, 4)
    assert spikingjelly_counts(model, x) == [48, 0, 0]
    assert spikingjelly_counts(
        model, x, context=torch.inference_mode) == [0, 0, 0]
    report = meter_of(model, x, context=torch.inference_mode).report()
    assert report.totals()['strict']['macs'] == 48


def test_simple_energy_of_arithmetic():
    """spikingjelly's total adds memory; its arithmetic alone is ours.

    Up to a sum over the 6 x 6 map, taken to count the spikes' weight uses,
    which its profiler counts among the model's additions.
    """
    model = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, bias=False))
    for x, own_sum in ((SPIKES, 6 * 6 - 1), (SPIKES + 0.5, 0)):
        theirs = estimate_simple_energy(model, x)
        ours = meter_of(model, x).report().totals()['strict']
        assert theirs.counts['synop'] == ours['syops']
        assert theirs.counts['ac'] == ours['syops'] + own_sum
        assert theirs.energy_compute_pj == pytest.approx(
            ours['energy_mj'] * 1e9 + 0.9 * own_sum)
        assert theirs.energy_total_pj > 2 * theirs.energy_compute_pj


def lemaire(model, x):
    """spikingjelly's version of the memory model."""
    profiler = LemaireEnergyProfiler(config=LemaireEnergyConfig(strict=False))
    profiler.bind_model(model)
    with profiler, torch.no_grad():
        model(x)
    return profiler.get_report().total_pj * 1e-9


def memory_rule(model, x):
    report = meter_of(model, x).report(['memory'])
    return report.totals()['memory']['energy_mj']


@pytest.mark.parametrize('layer, x', [
    (nn.Conv2d(4, 8, 3, padding=1), SPIKES + 0.5),
    (nn.Conv2d(4, 8, 1, bias=False), SPIKES),
    (nn.Linear(36, 5, bias=False), SPIKES.flatten(0, 2)[:1, :1].expand(1, 36)
     + torch.rand(1, 36)),
    (nn.Linear(6, 5), SPIKES[0, :1, 0]),
    (neuron.LIFNode(), 4 * torch.rand(1, 4, 6, 6)),
])
def test_memory_rule_agrees_with_spikingjelly(layer, x):
    model = nn.Sequential(layer)
    theirs = lemaire(model, x)
    if isinstance(layer, neuron.LIFNode):
        layer.reset()
    assert memory_rule(model, x) == pytest.approx(theirs, rel=1e-12)


def test_memory_rule_charges_the_actual_fan_out():
    """A corner spike reaches 4 of 9 taps; the model's formula charges 9."""
    corner = torch.zeros(1, 1, 4, 4)
    corner[0, 0, 0, 0] = 1
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False))
    meter = meter_of(model, corner)
    record, = meter.measurement.layers.values()
    assert record.total.accumulates == 4 == model(corner).count_nonzero()
    assert memory_rule(model, corner) < lemaire(model, corner)


@pytest.mark.parametrize('make, shape', [
    (torchvision.models.resnet18, (2, 3, 32, 32)),
    (torchvision.models.video.r3d_18, (2, 3, 4, 16, 16)),
    (torchvision.models.mobilenet_v2, (2, 3, 32, 32)),
    (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.Conv2d(4, 6, 1),
                           nn.Upsample(scale_factor=2, mode='bilinear'),
                           nn.Flatten(2), nn.LayerNorm(64), nn.Linear(64, 3)),
     (2, 4, 4, 4)),
])
def test_paper_rule_is_the_counter_of_mmengine_in_training_mode(make, shape):
    model, x = make().train(), torch.randn(shape)
    analyzer = FlopAnalyzer(model, x)
    analyzer.unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    theirs = analyzer.total()
    for training in (True, False):
        model.train(training)
        layers = meter_of(model, x).measurement.layers
        charges = paper(list(layers.values()), EnergyConstants())
        assert sum(c.macs for c in charges) == theirs

