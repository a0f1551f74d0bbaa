import json
import weakref
from argparse import Namespace
from functools import partial

import pytest
import torch
from _benchmark import memory, timing
from _benchmark.report import to_markdown
from _benchmark.system import segments
from _benchmark.systems import MODIFIERS, build
from mmengine.registry import init_default_scope
from torch import nn

from respike_mm.deployment import Int8SpikeConv2d

TINY = ('--depth', 18, '--frames', 4, '--crop', 64, '--rounds', 1)
FLOAT = 4
CPU = torch.device('cpu')


class Halves(nn.Module):
    """Two parts of known size: 100 -> 300 -> 300 -> 1 numbers a row."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(100, 300)
        self.second = nn.Sequential(nn.Linear(300, 1))

    def forward(self, x):
        return self.second(self.first(x).exp().exp())


def halves_step(model, rows, backward=True):
    x = torch.randn(rows, 100)

    def step():
        out = model(x).sum()
        if backward:
            out.backward()
        return out

    return step


def test_saved_bytes_by_hand():
    """Linear keeps its input; exp keeps its result, which is the next
    input. What follows a part outside of any belongs to that part."""
    model = Halves()
    found = memory.saved_bytes(model, halves_step(model, 7, backward=False))
    assert found == {
        'first': 7 * (100 + 300 + 300) * FLOAT}
    two = memory.saved_bytes(model, halves_step(model, 9, backward=False))
    assert memory.per_clip(found, two) == {
        'first': 2 * 700 * FLOAT / 2**20}


def test_views_and_weights_do_not_count():
    model = nn.Sequential(nn.Linear(4, 4))
    x = torch.randn(2, 4)

    def forward():
        y = model(x)
        return (y.view(8) * y.flatten()).sum()

    assert sum(memory.saved_bytes(model, forward).values()) == (
        (2 * 4 + 2 * 4) * FLOAT)


class Exp(torch.autograd.Function):
    """Saves its result."""
    nodes = []

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        Exp.nodes.append(weakref.ref(ctx))
        return y


def test_nothing_is_held_afterwards():
    """A result that its own node saves could keep the graph alive."""
    model = Halves()
    memory.saved_bytes(
        model, lambda: Exp.apply(model(torch.randn(3, 100))).sum())
    assert [node() for node in Exp.nodes] == [None]


def test_peak_bytes_by_hand():
    """The most is held in the first part's end: both results of exp, and
    what is to become the gradient of the second."""
    model = Halves()
    halves_step(model, 1)()  # from here on gradients exist
    peaks = [
        memory.peak_bytes(model, halves_step(model, rows), CPU)
        for rows in (1000, 2000)
    ]
    whole = memory.per_clip(*peaks)['']
    row = 300 * FLOAT * 1000 / 2**20
    # Forward: first, exp, exp. The output of first is free after exp.
    # Backward: two kept, the gradient of one, and the next one's.
    assert 3 * row < whole < 4.1 * row
    assert peaks[0]['first'] <= peaks[0][''] >= peaks[0]['second']


def test_modules_follow_a_recomputed_one():
    """A checkpoint stops its second run where it has what it needs."""
    from torch.utils.checkpoint import checkpoint

    class Recomputed(Halves):

        def forward(self, x):
            x = x.clone().requires_grad_()
            x = checkpoint(self.first, x, use_reentrant=False)
            return self.second(x)

    model, running, stack = Recomputed(), set(), memory.ExitStack()
    with stack:
        memory.follow(
            stack, model, lambda name, phase, what:
            running.add((phase, name)) if what == 'begin' else running.discard(
                (phase, name)))
        halves_step(model, 5)()
    assert running == set()


def test_rounds_alternate():
    calls = []
    times = timing.alternate(
        [partial(calls.append, name) for name in 'ab'], 1, 2, cuda=False)
    assert calls == list('ababab') and [len(t) for t in times] == [2, 2]


def test_summary():
    times = [dict(cpu_s=value) for value in (5., 1., 2.)]
    assert timing.summary(times) == dict(cpu_s=2., cpu_s_min=1., cpu_s_max=5.)


def options(**changes):
    return Namespace(**{
        **dict(depth=18, stride=4, frames=4, crop=64, mode='test',
               device='cpu'), **changes})


@pytest.fixture
def scope():
    init_default_scope('mmaction')


def test_segments():
    clips = torch.arange(4.).view(1, 4, 1, 1, 1).expand(1, 4, 3, 2, 2)
    found = segments(clips + 7, 2)
    assert found.shape == (1, 1, 2, 2, 3, 2, 2)
    assert found[0, 0, :, :, 0, 0, 0].tolist() == [[7, 1], [9, 1]]


def lively(state):
    """Weights with which neurons fire and the fusion acts."""
    torch.manual_seed(0)
    for name, value in state.items():
        if name.endswith(('bn1.bias', 'bn2.bias', 'norm.bias')):
            value.fill_(0.3)
        elif 'running_var' in name:
            value.uniform_(0.5, 1.5)
        elif 'proj_out.weight' in name:
            value.normal_(0, 0.02)
    return state


@torch.no_grad()
@pytest.mark.parametrize('name, change', [
    ('plain', None), ('respike:checkpoint=all', None), ('respike', 'fold')],
    ids=['plain', 'checkpoint', 'fold'])
def test_variants_of_respike_compute_the_same(name, change, scope):
    """Else their times would mean nothing."""
    first, other = build('respike', options()), build(name, options())
    state = lively(first.model.state_dict())
    for system in (first, other):
        system.model.load_state_dict(state)
        system.model.double()
    if change is not None:
        other = MODIFIERS[change](other, options())
    clips = torch.randn(1, 4, 3, 64, 64, dtype=torch.float64)
    expected = first.logits(clips)
    torch.testing.assert_close(
        other.logits(clips), expected, rtol=1e-9, atol=1e-9)
    assert (first.logits(clips.flip(1)) - expected).abs().max() > 1e-4


def test_modifiers_change_the_model_that_runs(scope):
    """Both variants of inference fold all norms; int8 is in one."""
    clips = torch.randn(1, 4, 3, 64, 64)
    for name, is_int8 in (('respike+fold', False), ('respike+int8', True)):
        system, kinds = build(name, options()), set()
        for module in system.model.modules():
            module.register_forward_hook(
                lambda module, *_: kinds.add(type(module)))
        with torch.no_grad():
            system.logits(clips)
        assert nn.BatchNorm2d not in kinds
        assert (Int8SpikeConv2d in kinds) is is_int8


@pytest.mark.parametrize('name', ['tsn_r50', 'i3d_r50', 'res3d_r18'])
@torch.no_grad()
def test_systems_take_the_same_clips(name, scope):
    system = build(name, options(frames=8))
    assert system.logits(torch.randn(2, 8, 3, 64, 64)).shape == (2, 101)


@pytest.mark.parametrize('name, message', [
    ('resnet', 'no system'),
    ('respike+fast', 'no such modifiers'),
    ('respike:checkpoint', 'key=value'),
    ('respike:ckpt=all', 'unexpected keyword'),
    ('c3d', 'leave --frames at 16'),
    ('tsn_r50+int8', 'no convolution behind'),
    ('tsn_r50+openvino', 'only respike'),
])
def test_bad_systems(name, message, scope):
    with pytest.raises(SystemExit, match=message):
        build(name, options())


@pytest.mark.parametrize('modifier', ['fold', 'int8', 'openvino'])
def test_only_for_evaluation(modifier, scope):
    with pytest.raises(SystemExit, match='needs --mode test'):
        build(f'respike+{modifier}', options(mode='train'))


def test_a_sweep_end_to_end(run, tmp_path, capsys):
    out = tmp_path / 'results/frames'
    run('benchmark.py', 'plain', 'respike:checkpoint=all', '--sweep',
        'frames=4,8', '--modules', '--out', out, *TINY)
    report = json.loads(out.with_suffix('.json').read_text())
    rows = report['rows']
    assert [(row['system'], row['frames']) for row in rows] == [
        ('plain', 4), ('respike:checkpoint=all', 4), ('plain', 8),
        ('respike:checkpoint=all', 8)]
    for row in rows:
        assert row['speed'] == rows[0]['cpu_s'] / row['cpu_s']
        parts = dict(row['modules'])
        whole = parts.pop('')
        assert whole['saved_mib'] == row['saved_mib'] == pytest.approx(
            sum(part['saved_mib'] for part in parts.values()))
    # Twice the frames are twice the activations.
    assert rows[2]['saved_mib'] == pytest.approx(2 * rows[0]['saved_mib'], .1)
    assert rows[1]['saved_mib'] < 0.6 * rows[0]['saved_mib']
    text = out.with_suffix('.md').read_text()
    assert text == capsys.readouterr().out == to_markdown(report)
    assert '`python tools/analysis_tools/benchmark.py plain' in text
    assert out.with_suffix('.png').stat().st_size > 1000


@pytest.mark.parametrize('args, message', [
    (('plain', 'plain'), 'named twice'),
    (('plain', '--rounds', 0, '--no-memory'), 'nothing to measure'),
    (('plain', '--sweep', 'width=3'), 'not one of'),
    (('plain', '--sweep', 'crop=a'), 'whole numbers'),
])
def test_bad_options(run, args, message, capsys):
    with pytest.raises(SystemExit):
        run('benchmark.py', *args)
    assert message in capsys.readouterr().err
