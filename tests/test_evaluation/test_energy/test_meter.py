"""Miniature networks, every figure worked out by hand."""
import pytest
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import neuron
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from respike_mm.evaluation.energy import (EnergyMeter, measure_energy,
                                          operations)
from respike_mm.models import LIFNeuron
from respike_mm.models.common.attention import Attention


def measure(model, *inputs, samples=1):
    """Observe one forward pass; records by layer name and operation."""
    meter = EnergyMeter(model.eval())
    with torch.no_grad(), meter.observe(samples):
        model(*inputs)
    assert not meter.measurement.unknown
    return meter.measurement.layers


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


class Spiking(nn.Module):
    """Float convolution, neuron, spike convolution, classifier; S = 3."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.lif = LIFNeuron()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)

    def forward(self, x):  # [N, 3, 2, H, W]
        y = self.norm(self.stem(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        spikes = self.lif(y.transpose(0, 1) * 2)
        y = self.conv(spikes.flatten(0, 1)).mean((2, 3))
        return self.head(self.drop(y)).unflatten(0, spikes.shape[:2]).mean(0)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Spiking().eval()


def test_figures_do_not_depend_on_batch_size(model):
    x = torch.randn(6, 3, 2, 6, 6)
    reports = [
        measure_energy(model, x.split(size), rules=['paper', 'strict',
                                                    'memory'])
        for size in (1, 4, 6)
    ]
    rows = [[{k: v for k, v in row.items() if k != 'calls'}
             for row in report.layer_rows()] for report in reports]
    assert reports[0].measurement.samples == 6
    assert rows[0] == rows[1] == rows[2]


def test_figures_are_per_sample(model):
    x = torch.randn(1, 3, 2, 6, 6)
    once, thrice = (measure_energy(model, [x.repeat(n, 1, 1, 1, 1)])
                    for n in (1, 3))
    assert thrice.measurement.samples == 3
    for one, three in ((once.totals(), thrice.totals()),
                       (once.branches['model'], thrice.branches['model'])):
        for rule in ('paper', 'strict'):
            assert three[rule] == pytest.approx(one[rule])
    assert once.firing_rates == thrice.firing_rates


def test_a_black_clip_in_the_batch_changes_nothing(model):
    """Its stem meets zeros alone, which fit spikes as well as floats."""
    x = torch.randn(2, 3, 2, 6, 6)
    x[0] = 0
    apart = measure_energy(model, x.split(1)).totals()
    assert apart == measure_energy(model, [x]).totals()


def test_num_samples_ends_the_measurement(model):
    seen = []
    report = measure_energy(
        model, torch.randn(12, 3, 2, 6, 6).split(3), num_samples=5,
        forward=lambda x: seen.append(model(x)))
    assert report.measurement.samples == 6 and len(seen) == 2


@pytest.mark.parametrize('context', [
    torch.no_grad, torch.inference_mode, torch.enable_grad,
    lambda: torch.autocast('cpu', torch.bfloat16)
])
def test_outputs_and_state_stay_bit_for_bit(model, context):
    x = torch.randn(2, 3, 2, 6, 6)
    for training in (False, True):
        model.train(training)
        states, outputs = [], []
        start = {k: v.clone() for k, v in model.state_dict().items()}
        for metered in (False, True):
            model.load_state_dict(start)
            torch.manual_seed(3)
            with context():
                if metered:
                    with EnergyMeter(model).observe(2):
                        outputs.append(model(x))
                else:
                    outputs.append(model(x))
            states.append((
                {k: v.clone() for k, v in model.state_dict().items()},
                torch.get_rng_state()))
        assert torch.equal(*outputs)
        assert all(
            torch.equal(states[0][0][k], states[1][0][k]) for k in start)
        assert torch.equal(states[0][1], states[1][1])
        assert not any(m._forward_hooks or m._forward_pre_hooks
                       for m in model.modules())


def test_gradients_are_those_without_the_meter(model):
    x, grads = torch.randn(2, 3, 2, 6, 6), []
    for metered in (False, True):
        model.zero_grad()
        if metered:
            with EnergyMeter(model).observe(2):
                out = model(x)
        else:
            out = model(x)
        out.sum().backward()
        grads.append([p.grad.clone() for p in model.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*grads))


def test_every_context_gives_the_same_counts(model):
    x = torch.randn(2, 3, 2, 6, 6)
    totals = []
    for context in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        meter = EnergyMeter(model)
        with context(), meter.observe(2):
            model(x)
        assert not meter.measurement.unknown
        totals.append(meter.report(['paper', 'strict', 'memory']).totals())
    assert totals[0] == totals[1] == totals[2]


def test_autocast_sees_spikes_as_spikes(model):
    meter = EnergyMeter(model)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16), \
            meter.observe(2):
        model(torch.randn(2, 3, 2, 6, 6))
    layers = meter.measurement.layers
    assert layers['conv', 'conv'].kind == 'spike'
    assert layers['conv', 'conv'].total.spikes == \
        layers['lif', 'neuron'].total.spikes > 0
    assert layers['stem', 'conv'].kind == 'float'


def test_measuring_restores_every_mode(model):
    model.train()
    model.norm.eval()
    measure_energy(model, [torch.randn(1, 3, 2, 6, 6)])
    assert model.training and model.drop.training and not model.norm.training


def test_an_error_inside_leaves_nothing_behind(model):
    meter = EnergyMeter(model)
    with pytest.raises(RuntimeError), torch.no_grad(), meter.observe(1):
        model(torch.randn(1, 3, 5, 6, 6))
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None
    with torch.no_grad(), meter.observe(1):
        model(torch.randn(1, 3, 2, 6, 6))
    assert meter.measurement.samples == 1


def test_an_error_in_a_neuron_leaves_nothing_behind():

    class Failing(LIFNeuron):

        def forward(self, x):
            raise KeyboardInterrupt  # hooks after the call do not see it

    meter = EnergyMeter(nn.Sequential(Failing()))
    with pytest.raises(KeyboardInterrupt), meter.observe(1):
        meter.model(torch.ones(1))
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


def test_an_error_that_the_model_survives():

    class Failing(LIFNeuron):

        def forward(self, x):
            raise ValueError

    class Careful(nn.Module):

        def __init__(self):
            super().__init__()
            self.neuron, self.linear = Failing(), nn.Linear(2, 2)

        def forward(self, x):
            try:
                x = self.neuron(x)
            except ValueError:
                x = x + 1
            return self.linear(x)

    layers = measure(Careful(), torch.zeros(3, 2))
    assert list(layers) == [('', 'add'), ('linear', 'linear')]


def test_another_mode_on_top_stays_there():
    """Such as a counter of the user's around a part of the model."""
    seen = []

    class Watch(TorchDispatchMode):

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(str(func))
            return func(*args, **kwargs or {})

    class Watched(nn.Module):

        def __init__(self):
            super().__init__()
            self.neuron, self.linear = LIFNeuron(), nn.Linear(2, 2)

        def forward(self, x):
            with Watch():
                return self.linear(self.neuron(x))

    layers = measure(Watched(), torch.ones(3, 2) * 2)
    assert list(layers) == [('neuron', 'neuron'), ('linear', 'linear')]
    # The watcher, unlike the meter, sees into the neuron.
    assert 'aten.addmm.default' in seen and len(seen) > 4


def test_observing_twice_at_once_is_refused(model):
    meter = EnergyMeter(model)
    with meter.observe(1), pytest.raises(RuntimeError, match='nest'):
        with meter.observe(1):
            pass


def test_nothing_observed_is_an_error(model):
    with pytest.raises(RuntimeError, match='nothing was observed'):
        EnergyMeter(model).report()


def test_unknown_operations_are_named_with_their_layers():

    class Odd(nn.Module):

        def forward(self, x):
            return torch.linalg.svdvals(x)

    model = nn.Sequential(nn.Linear(4, 4), Odd())
    meter = EnergyMeter(model)
    with torch.no_grad(), meter.observe(1):
        model(torch.randn(4, 4))
        model(torch.randn(4, 4))
    row, = meter.report().unknown_rows()
    assert 'svd' in row['op']
    assert row['calls'] == 2 and row['layers'] == ['1']


def test_arguments_that_no_handler_expects_are_reported(monkeypatch):

    def fail(call):
        return [call.args[7].numel()]

    monkeypatch.setitem(operations.HANDLERS, 'linalg_inv_ex', fail)
    operations.look_up.cache_clear()

    class Odd(nn.Module):

        def forward(self, x):
            return torch.linalg.inv_ex(x).inverse

    meter = EnergyMeter(nn.Sequential(nn.Linear(3, 3), Odd()))
    with torch.no_grad(), meter.observe(1):
        meter.model(torch.randn(3, 3))
    operations.look_up.cache_clear()
    row, = meter.report().unknown_rows()
    assert 'inv_ex' in row['op'] and 'index out of range' in row['op']


def test_work_outside_the_model_is_not_the_models(model):
    x = torch.randn(1, 3, 2, 6, 6)
    meters = [EnergyMeter(model), EnergyMeter(model)]
    with torch.no_grad(), meters[0].observe(1):
        model(x)
    with torch.no_grad(), meters[1].observe(1):
        (model(x) @ torch.randn(3, 3)).softmax(-1)
    assert meters[0].report().totals() == meters[1].report().totals()
    assert meters[1].measurement.outside['mm'] == 1


def test_a_layer_used_twice_is_one_record():
    layer = nn.Linear(3, 3)
    layers = measure(nn.Sequential(layer, layer), torch.randn(2, 3))
    record, = layers.values()
    assert (record.name, record.calls, record.total.macs) == ('0', 2, 36)
