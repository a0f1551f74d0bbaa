import copy
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from respike_mm.evaluation.energy import (EnergyConstants, EnergyMeter,
                                          EnergyReport)
from respike_mm.evaluation.energy.measurement import Measurement
from respike_mm.models import LIFNeuron

RULES = ('paper', 'strict', 'memory')
PRICES = [f.name for f in fields(EnergyConstants) if f.name != 'lemaire']
SETTINGS = settings(max_examples=settings.default.max_examples // 3)


class OverTime(nn.Module):
    """Runs a layer on all steps of ``[S, N, ...]`` at once."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


@st.composite
def networks(draw):
    """A few convolutions with neurons, norms or ReLUs in between."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    width, layers = 1, []
    for _ in range(draw(st.integers(1, 3))):
        channels = draw(st.integers(1, 4))
        kernel = draw(st.sampled_from([1, 3]))
        layers.append(OverTime(nn.Conv2d(
            width, channels, kernel, padding=kernel // 2,
            bias=draw(st.booleans()))))
        layers.append(draw(st.sampled_from([
            LIFNeuron(v_threshold=0.2), nn.ReLU(), nn.Identity(),
            OverTime(nn.BatchNorm2d(channels))])))
        width = channels
    return nn.Sequential(*layers).eval()


def measured(model, *batches):
    """The measurement of ``[S, N, 1, H, W]`` batches in turn."""
    meter = EnergyMeter(model)
    for batch in batches:
        with torch.no_grad(), meter.observe(batch.shape[1]):
            model(batch)
    return meter.measurement


def batch(num_samples, seed):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.rand(2, num_samples, 1, 4, 4, generator=generator)


def millijoules(measurement, constants=EnergyConstants(pj_byte=1.)):
    """Energy of all clips, by rule."""
    report = EnergyReport.of(measurement, RULES, constants)
    return {rule: total['energy_mj'] * measurement.clips
            for rule, total in report.totals().items()}


@SETTINGS
@given(networks(), st.floats(0, 100))
def test_energy_is_linear_in_every_price(model, factor):
    measurement = measured(model, batch(2, 0))
    free = EnergyConstants(**dict.fromkeys(PRICES, 0.))
    full = EnergyConstants(pj_byte=1.)
    parts = []
    for name in PRICES:
        one = replace(free, **{name: getattr(full, name)})
        scaled = replace(free, **{name: factor * getattr(full, name)})
        # The rule `memory` has prices of its own for arithmetic.
        base = millijoules(measurement, free)
        part = {k: v - base[k] for k, v in millijoules(measurement,
                                                       one).items()}
        for rule, energy in millijoules(measurement, scaled).items():
            assert energy - base[rule] == pytest.approx(
                factor * part[rule], abs=1e-12)
        parts.append(part)
    for rule, energy in millijoules(measurement, full).items():
        assert energy == pytest.approx(
            base[rule] + sum(part[rule] for part in parts), abs=1e-12)


@SETTINGS
@given(networks(), st.integers(1, 3), st.integers(1, 3))
def test_batches_add_up_and_so_do_processes(model, first, second):
    a, b = batch(first, 1), batch(second, 2)
    joint = millijoules(measured(model, torch.cat([a, b], dim=1)))
    in_turn = millijoules(measured(model, a, b))
    merged = millijoules(Measurement().merge([measured(model, a),
                                              measured(model, b)]))
    # Weights are read once a pass, so `memory` sees how samples are batched.
    for rule in ('paper', 'strict'):
        assert in_turn[rule] == pytest.approx(joint[rule])
    assert merged == pytest.approx(in_turn)


@SETTINGS
@given(networks())
def test_layers_and_branches_add_up_to_the_whole(model):
    measurement = measured(model, batch(2, 3))
    report = EnergyReport.of(measurement, RULES, EnergyConstants())
    for rule in RULES:
        total = report.totals()[rule]
        rows = report.layer_rows()
        for key in ('energy_mj', 'macs', 'syops'):
            assert sum(row[f'{rule}_{key}'] for row in rows) == pytest.approx(
                total[key])
            assert sum(branch[rule][key] for branch in
                       report.branches.values()) == pytest.approx(total[key])


@SETTINGS
@given(networks())
def test_metering_twice_doubles_and_changes_nothing(model):
    before = copy.deepcopy(model.state_dict())
    once = millijoules(measured(model, batch(1, 4)))
    twice = millijoules(measured(model, batch(1, 4), batch(1, 4)))
    assert twice == pytest.approx({k: 2 * v for k, v in once.items()})
    assert all(torch.equal(before[k], v)
               for k, v in model.state_dict().items())
