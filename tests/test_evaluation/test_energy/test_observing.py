"""Observing changes nothing; the figures depend on model and input alone."""
import pytest
import torch
from energy_checks import measure
from spikingjelly.activation_based import neuron
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from respike_mm.evaluation.energy import (EnergyMeter, measure_energy,
                                          operations)
from respike_mm.evaluation.energy.batches import batch_size, input_shapes
from respike_mm.models import LIFNeuron


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


@pytest.mark.parametrize('batch, shapes', [
    (dict(inputs=dict(imgs=[torch.zeros(2, 3)] * 4, flow=[1] * 4)), {(2, 3)}),
    (dict(inputs=dict(imgs=torch.zeros(4, 2), fps=25)), {(2, )}),
    (dict(inputs=[torch.zeros(2, 3)] * 3 + [torch.zeros(2, 5)]),
     {(2, 3), (2, 5)}),
    ((torch.zeros(4, 2), torch.zeros(4, 1)), {(2, ), (1, )}),
    (torch.zeros(4, 3, 8, 9), {(3, 8, 9)}),
])
def test_samples_of_a_batch(batch, shapes):
    assert batch_size(batch) == 4
    assert input_shapes(batch) == shapes


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
    with pytest.raises(RuntimeError), torch.no_grad(), meter.observe(2):
        model(torch.randn(1, 3, 2, 6, 6))
        model(torch.randn(1, 3, 5, 6, 6))
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None
    with torch.no_grad(), meter.observe(1):
        model(torch.randn(1, 3, 2, 6, 6))
    assert meter.measurement.samples == 1
    alone = EnergyMeter(model)
    with torch.no_grad(), alone.observe(1):
        model(torch.randn(1, 3, 2, 6, 6))
    assert {name: record.calls
            for name, record in meter.measurement.layers.items()} == {
                name: record.calls
                for name, record in alone.measurement.layers.items()}


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


def test_compiled_parts_are_counted_as_written(model):
    """Compiled code would hide its operations and run without the layers."""
    x = torch.randn(2, 3, 2, 6, 6)
    expected = measure(model, x, samples=2)
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    try:
        model.forward = torch.compile(
            model.forward, backend=backend, fullgraph=True)
        with torch.no_grad():
            model(x)
        compiled = len(graphs)
        found = measure(model, x, samples=2)
        with torch.no_grad():
            model(x)
    finally:
        torch._dynamo.reset()
    assert found == expected
    # Before as after, it is the compiled code that runs, from one graph.
    assert compiled == len(graphs) == 1
