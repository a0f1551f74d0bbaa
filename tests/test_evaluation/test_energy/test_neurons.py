"""Neurons of other types than the meter knows by itself."""
import logging

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from respike_mm.evaluation.energy import (measure_energy, neuron_types,
                                          to_markdown)
from respike_mm.evaluation.energy import report as report_module
from respike_mm.evaluation.energy.neurons import NEURONS
from respike_mm.models import LIFNeuron

SCALE = 2.


class Step(nn.Module):
    """Fires where its input is at least 1; multi-step."""

    def forward(self, x):
        return (x >= 1).to(x)


@pytest.fixture
def registered():
    MODELS.register_module(name='StepNeuron', module=Step)
    yield 'StepNeuron'
    MODELS.module_dict.pop('StepNeuron')


def network(neuron):
    """Stem, neuron, spike-driven layer; every other input fires."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.Unflatten(0, (1, -1)), neuron,
        nn.Flatten(0, 1), nn.Conv2d(2, 3, 1, bias=False))
    nn.init.ones_(model[0].weight)
    return model


@pytest.fixture
def clip():
    return torch.tensor([2., 0, 2, 0]).view(1, 1, 2, 2)


def test_named_neurons_are_priced_as_those_of_the_library(registered, clip):
    """The gain of 0.75 does not keep an input of 2 from firing."""
    types = neuron_types([registered])
    assert types == (*NEURONS, Step)
    named, known = (
        measure_energy(network(neuron), [clip], neurons=types)
        for neuron in (Step(), LIFNeuron()))
    assert named.totals() == known.totals() and not named.warning
    assert named.firing_rates == {'2': 0.5}
    assert 'Warning' not in to_markdown(named)


def test_neurons_may_be_given_by_import_path():
    assert neuron_types(['torch.nn.Hardshrink'])[-1] is nn.Hardshrink
    assert neuron_types([]) == NEURONS


@pytest.mark.parametrize('name', ['Nothing', 'no.such.Neuron', 'torch.relu'])
def test_names_of_no_module_are_refused(name):
    with pytest.raises(ValueError, match=f"neurons.*'{name}'.*MODELS"):
        neuron_types([name])


def test_spikes_without_a_known_neuron_are_a_warning(clip, monkeypatch):
    logged = []
    monkeypatch.setattr(report_module, 'print_log',
                        lambda *args: logged.append(args))
    report = measure_energy(network(Step()), [clip])
    assert 'only zeros and ones came into layers: 4.' in report.warning
    (message, _, level), = logged
    assert report.warning in message and level == logging.WARNING
    assert report.warning in to_markdown(report)
    assert report.to_dict()['warning'] == report.warning


def test_an_snn_backbone_without_a_known_neuron_is_a_warning(clip):

    class Scaled(nn.Module):  # spikes that are not one

        def forward(self, x):
            return 0.5 * (x >= 1)

    class Hybrid(nn.Module):

        def __init__(self, neuron):
            super().__init__()
            self.snn_backbone = network(neuron)

        def forward(self, x):
            return self.snn_backbone(x)

    assert 'snn_backbone' in measure_energy(Hybrid(Scaled()), [clip]).warning
    assert not measure_energy(Hybrid(LIFNeuron()), [clip]).warning


def test_masks_and_black_clips_are_no_warning(clip):

    class Masked(nn.Module):

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1)

        def forward(self, x):
            return self.conv(x) @ torch.eye(2)

    for x in (clip, torch.zeros_like(clip)):
        assert not measure_energy(Masked(), [x]).warning
