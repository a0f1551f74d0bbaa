"""Miniature networks, every figure worked out by hand."""
import pytest
import torch
import torch.nn.functional as F
from energy_checks import measure
from spikingjelly.activation_based import neuron
from torch import nn

from respike_mm.evaluation.energy import EnergyMeter, operations
from respike_mm.models import LIFNeuron
from respike_mm.models.common.attention import Attention


def corner_and_centre():
    """Two samples of 2 channels, 4 x 4: one spike in a corner, one inside."""
    x = torch.zeros(2, 2, 4, 4)
    x[0, 0, 0, 0] = 1
    x[1, 1, 2, 2] = 1
    return x


@pytest.mark.parametrize('options, macs, accumulates', [
    # 2 samples x 16 places x 9 taps x 2 x 6 channels; the corner reaches
    # 2 x 2 outputs, the centre 3 x 3, times 6 channels.
    (dict(kernel_size=3, padding=1), 2 * 16 * 9 * 12, (4 + 9) * 6),
    # Two groups: each channel sees 3 of the 6.
    (dict(kernel_size=3, padding=1, groups=2), 2 * 16 * 9 * 6, (4 + 9) * 3),
    # Stride 2: 2 x 2 places centred on 0 and 2; either spike is a centre.
    (dict(kernel_size=3, padding=1, stride=2), 2 * 4 * 9 * 12, (1 + 1) * 6),
    # Dilation 2: taps at -2, 0, 2. The corner (0) serves outputs 0 and 2; so
    # does the centre (2), whose third would be 4.
    (dict(kernel_size=3, padding=2, dilation=2), 2 * 16 * 9 * 12,
     (4 + 4) * 6),
    # No padding: 2 x 2 places; the corner reaches one, the centre all four.
    (dict(kernel_size=3), 2 * 4 * 9 * 12, (1 + 4) * 6),
])
def test_convolution_of_known_spikes(options, macs, accumulates):
    layers = measure(nn.Sequential(nn.Conv2d(2, 6, bias=False, **options)),
                     corner_and_centre())
    record = layers['0', 'conv']
    assert (record.kind, record.total.macs) == ('spike', macs)
    assert record.total.spikes == 2 and record.rate == 2 / 64
    assert record.total.accumulates == accumulates
    assert record.total.adds == 0


def test_convolution_of_floats():
    layers = measure(nn.Sequential(nn.Conv2d(2, 6, 3, padding=1)),
                     corner_and_centre() * 0.5)
    record = layers['0', 'conv']
    assert (record.kind, record.total.macs) == ('float', 3456)
    assert (record.total.accumulates, record.total.spikes) == (0, 0)
    assert record.total.adds == 2 * 6 * 16  # the bias


def test_three_dimensional_convolution():
    x = torch.zeros(1, 1, 3, 3, 3)
    x[0, 0, 1, 1, 1] = x[0, 0, 0, 0, 0] = 1
    layers = measure(nn.Sequential(nn.Conv3d(1, 5, 3, padding=1)), x)
    record = layers['0', 'conv'].total
    assert (record.macs, record.accumulates) == (27 * 27 * 5, (27 + 8) * 5)


def test_linear_over_tokens():
    # 2 samples x 3 tokens x 4 channels, 5 ones; every one drives 7 outputs.
    x = torch.zeros(2, 3, 4)
    x[0, 0, :3] = x[1, 2, 2:] = 1
    record = measure(nn.Sequential(nn.Linear(4, 7)), x)['0', 'linear']
    assert (record.kind, record.total.macs) == ('spike', 2 * 3 * 4 * 7)
    assert (record.total.spikes, record.total.accumulates) == (5, 35)
    assert record.total.adds == 2 * 3 * 7
    record = measure(nn.Sequential(nn.Linear(4, 7, False)), x + 1)['0',
                                                                  'linear']
    assert (record.kind, record.total.macs) == ('float', 168)


def test_all_zero_weights_are_not_spikes():
    layer = nn.Linear(4, 7)
    nn.init.zeros_(layer.weight)
    record = measure(nn.Sequential(layer), torch.full((2, 4), 3.))
    assert record['0', 'linear'].kind == 'float'


def test_attention_with_known_tokens():
    # Width 8, heads of 4; N = 2 key frames, 3 steps of 5 queries, 6 keys.
    attention = Attention(8, 4, context_channels=10)
    layers = measure(attention, torch.randn(2, 3, 5, 8),
                     torch.randn(2, 6, 10))
    macs = {key: record.total.macs for key, record in layers.items()}
    queries, keys = 2 * 3 * 5, 2 * 6
    assert macs['to_q', 'linear'] == queries * 8 * 8
    assert macs['to_k', 'linear'] == macs['to_v', 'linear'] == keys * 10 * 8
    assert macs['to_out', 'linear'] == queries * 8 * 8
    # Every query meets the 6 keys of its own key frame, in 2 heads of 4.
    assert macs['', 'attention Q K^T'] == queries * 6 * 8
    assert macs['', 'attention A V'] == queries * 6 * 8
    softmax = layers['', 'attention softmax'].total
    assert softmax.specials == queries * 2 * (6 + 1)
    assert layers['', 'attention Q K^T'].total.muls == queries * 2 * 6


@pytest.mark.parametrize('value_width', [8, 6])
def test_attention_with_shared_heads_and_mask(value_width):
    """Fused, and (other width of the values) as separate operations."""

    class Grouped(nn.Module):

        def forward(self, q, k, v, mask):
            return F.scaled_dot_product_attention(
                q, k, v, mask, enable_gqa=True)

    layers = measure(Grouped(), torch.randn(1, 4, 3, 8),
                     torch.randn(1, 2, 5, 8),
                     torch.randn(1, 2, 5, value_width),
                     torch.zeros(1, 1, 3, 5))
    macs = sum(record.total.macs for record in layers.values())
    assert macs == 4 * 3 * 5 * (8 + value_width)
    assert sum(r.total.adds for r in layers.values()) == \
        4 * 3 * 5 + 2 * 60 - 12  # the mask; softmax: shift and sum


def test_products_of_spikes():

    class Product(nn.Module):

        def forward(self, x, y):
            return x @ y

    spikes = torch.tensor([[1., 0, 1], [0, 0, 1]])
    other = torch.tensor([[1., 1], [0, 1], [1, 0]])
    floats = torch.randn(3, 2)
    both = measure(Product(), spikes, other)['', 'matmul']
    # Pairs of ones: inner index 0 has 1 x 2, index 2 has 2 x 1.
    assert (both.kind, both.total.accumulates) == ('spike', 4)
    left = measure(Product(), spikes, floats)['', 'matmul']
    assert (left.kind, left.total.accumulates) == ('spike', 3 * 2)
    right = measure(Product(), torch.randn(5, 3), other)['', 'matmul']
    assert (right.kind, right.total.accumulates) == ('spike', 4 * 5)
    assert right.rate == 4 / 6
    mirrored = measure(Product(), other.T, torch.randn(3, 5))['', 'matmul']
    assert mirrored.total == right.total
    silent = measure(Product(), floats.T, torch.zeros(3, 2))['', 'matmul']
    assert silent.kind == 'float'


def test_batch_norm():
    layers = measure(nn.Sequential(nn.BatchNorm2d(3)), torch.randn(2, 3, 4, 5))
    work = layers['0', 'batch norm'].total
    assert (work.macs, work.adds) == (120, 0)
    assert work.baseline_flops == 5 * 120


def test_batch_norm_of_a_batch_also_takes_statistics():
    meter = EnergyMeter(nn.Sequential(nn.BatchNorm2d(3)).train())
    with torch.no_grad(), meter.observe(1):
        meter.model(torch.randn(2, 3, 4, 5))
    work = meter.measurement.layers['0', 'batch norm'].total
    assert (work.macs, work.adds) == (240, 240)
    assert work.baseline_flops == 5 * 120


def test_layer_and_group_norm():
    layers = measure(
        nn.Sequential(nn.GroupNorm(2, 4), nn.LayerNorm(6)),
        torch.randn(3, 4, 5, 6))
    group, layer = (layers[key].total
                    for key in (('0', 'group norm'), ('1', 'layer norm')))
    assert (group.macs, group.adds, group.specials) == (3 * 360, 720, 3 * 2)
    assert (layer.macs, layer.adds, layer.specials) == (3 * 360, 720, 60)


def test_pooling():
    model = nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2),
                          nn.AdaptiveAvgPool2d(1))
    layers = measure(model, torch.randn(1, 3, 8, 8))
    assert layers['0', 'max pool'].total.compares == 3 * 16 * 3
    average = layers['1', 'average pool'].total
    assert (average.adds, average.muls) == (3 * 4 * 3, 3 * 4)
    pooled = layers['2', 'average pool'].total
    assert (pooled.adds, pooled.muls) == (3 * (4 - 1), 3)


def test_element_wise_work_and_interpolation():

    class Block(nn.Module):

        def forward(self, x):
            y = x + F.relu(x)
            y = y * F.gelu(y)
            return F.interpolate(y, scale_factor=2, mode='bilinear')

    layers = measure(Block(), torch.randn(1, 2, 3, 3))
    assert layers['', 'add'].total.adds == 18
    assert layers['', 'multiply'].total.muls == 18
    activation = layers['', 'activation'].total  # the relu and the gelu
    assert activation.compares == 18 and activation.specials == 18
    assert layers['', 'interpolate'].total.macs == 4 * 72


def test_fold_sums_what_overlaps():
    # 2 x 2 patches of 2 x 2 with stride 1 on 3 x 3 pixels, 2 channels.
    work = measure(nn.Sequential(nn.Fold(3, 2)), torch.randn(
        1, 2 * 4, 4))['0', 'fold'].total
    assert work.adds == 2 * (4 * 4 - 9)
    apart = nn.Sequential(nn.Fold(4, 2, stride=2))
    assert measure(apart, torch.randn(1, 4, 4))['0', 'fold'].total.adds == 0


def test_lif_update_and_rates():
    # One neuron, 4 steps, gain 0.75: fires at each input of 2.
    x = torch.tensor([2., 0, 2, 2]).view(4, 1, 1, 1, 1).expand(4, 2, 1, 3, 1)
    record = measure(nn.Sequential(LIFNeuron()), x, samples=2)['0', 'neuron']
    work = record.total
    updates = 4 * 2 * 3
    assert (work.macs, work.compares, work.adds) == (updates, 2 * updates, 0)
    assert work.spikes == 3 * 2 * 3 and record.rate == 0.75
    assert work.input_words == 3  # neurons of one sample


def test_how_a_neuron_is_written_does_not_matter():
    x = torch.rand(4, 2, 3, 5, 5) * 2
    node = neuron.LIFNode(tau=4 / 3, step_mode='m')
    theirs = measure(nn.Sequential(node), x)
    ours = measure(nn.Sequential(LIFNeuron()), x)
    assert list(theirs) == [('0', 'neuron')]
    assert theirs['0', 'neuron'].total == ours['0', 'neuron'].total


def test_streaming_equals_multi_step():
    """Step by step through a stateful network, or all steps at once."""

    def network(step_mode):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False),
                              neuron.LIFNode(tau=4 / 3), nn.Flatten(),
                              nn.Linear(4 * 25, 3))
        model[1].step_mode = step_mode
        return model.eval()

    x = torch.rand(6, 2, 2, 5, 5) * 4
    stream, meters = network('s'), []
    meters.append(EnergyMeter(stream))
    with torch.no_grad(), meters[0].observe(2):
        for step in x:
            stream(step)

    class MultiStep(nn.Module):

        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            conv, node, flatten, linear = self.model
            y = node(conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
            return linear(flatten(y.flatten(0, 1)))

    whole = MultiStep(network('m'))
    meters.append(EnergyMeter(whole))
    with torch.no_grad(), meters[1].observe(2):
        whole(x)
    rows = [[
        {k: v for k, v in row.items() if k not in ('name', 'calls')}
        for row in meter.report(['paper', 'strict', 'memory']).layer_rows()
    ] for meter in meters]
    assert rows[0] == rows[1]
    assert rows[0][1]['rate'] > 0
    assert rows[0][1]['rate_summed'] == pytest.approx(6 * rows[0][1]['rate'])
