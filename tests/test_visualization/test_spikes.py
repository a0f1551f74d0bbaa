import pytest
import torch
from spikingjelly.activation_based.neuron import LIFNode
from small_respike import clips, small_respike
from torch import nn

from respike_mm.models import LIFNeuron
from respike_mm.visualization.spike_figures import (draw_layers,
                                                    draw_raster,
                                                    draw_rate_maps,
                                                    sample_neurons)
from respike_mm.visualization.spikes import (Activity, activity,
                                             channel_rates, clip_order,
                                             record_spikes, spiking_layers,
                                             stage_layers)


def test_spikes_of_a_known_neuron():
    # V <- V / 2 + X, threshold 1: 0.6 fires at the third step (0.6, 0.9,
    # 1.05), 2 at every step, 0 never.
    neuron = nn.Sequential(LIFNeuron(tau=2., decay_input=False))
    x = torch.tensor([0., .6, 2.]).expand(4, 1, 3)
    with record_spikes(neuron) as recorded:
        neuron(x)
    neuron(x)  # outside: not recorded
    spikes, = recorded['0']
    assert spikes[:, 0].tolist() == [[0, 0, 1], [0, 0, 1], [0, 1, 1],
                                     [0, 0, 1]]
    rates = channel_rates(spikes)
    assert rates.tolist() == [0, .25, 1]
    expected = Activity(rate=1.25 / 3, silent=1 / 3, full=1 / 3)
    assert activity(rates) == pytest.approx(expected)


def test_conditions():
    for rate, condition in ((0, 'dead'), (.01, 'ok'), (.95, 'saturated')):
        layer = Activity(rate, 0, 0)
        assert layer.condition(.001, .9) == condition


def test_which_layers_spike():
    net = nn.ModuleDict(
        dict(a=LIFNeuron(), b=nn.ReLU(), c=LIFNode(step_mode='m'),
             d=LIFNode(step_mode='s')))
    assert list(spiking_layers(net)) == ['a', 'c']
    names = ['snn.layer1.0.lif1', 'snn.layer1.1.lif2', 'snn.layer2.0.lif1']
    assert stage_layers(names) == names[1:]
    assert stage_layers(['a', 'c']) == ['a', 'c']


def test_clip_order():
    # Two steps of two views of three segments, named step * 10 + segment.
    spikes = torch.tensor([[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15]])
    assert clip_order(spikes, 1, 3).tolist() == [3, 13, 4, 14, 5, 15]


def test_reduced_records_of_a_network():
    model = small_respike()
    data = clips(num=2)
    with record_spikes(model) as full, record_spikes(
            model, channel_rates) as rates, torch.no_grad():
        model.test_step(data)
    assert list(full) == list(spiking_layers(model)) == list(rates)
    for name, (spikes, ) in full.items():
        assert spikes.shape[:2] == (3, 4) and 0 < spikes.mean() < 1
        torch.testing.assert_close(rates[name][0],
                                   spikes.mean((0, 1, 3, 4)))


def test_figures():
    spikes = torch.zeros(4, 2, 3, 3)  # two segments of two steps
    spikes[3, 1] = 1
    assert sample_neurons(spikes, 100).shape == (4, 18)
    assert sample_neurons(spikes, 2)[3].tolist() == [0, 1]
    raster = draw_raster({'layer1.lif': spikes}, 2, 'clip', neurons=18)
    points = raster.axes[0].collections[0].get_offsets()
    assert points.tolist() == [[3, i] for i in range(9, 18)]
    assert '12.5 % fire' in raster.axes[0].get_title()
    maps = draw_rate_maps({'layer1.lif': spikes},
                          torch.zeros(2, 2, 6, 6, 3), 'clip')
    rates = [axis.images[0].get_array().mean() for axis in maps.axes[4:8]]
    assert rates == [0, 0, 0, 50]
    bars = draw_layers({'a': Activity(.5, .1, 0), 'b': Activity(0, 1, 0)},
                       .001, .9, 'clip').axes[0]
    assert [bar.get_width() for bar in bars.patches] == [50, 0]
    assert [text.get_text() for text in bars.get_legend().get_texts()] == [
        'ok', 'dead']
