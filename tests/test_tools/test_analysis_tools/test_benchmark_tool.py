import json
import weakref
from functools import partial

import pytest
import torch
from _benchmark import memory, timing
from _benchmark.report import filled, to_markdown
from torch import nn

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
    assert 'speed: ratio of CPU seconds' in text
    found = report['machine']
    assert f', {found["processor"]}, {found["cpu_capability"]}, 1 CPU' in text
    assert out.with_suffix('.png').stat().st_size > 1000


@pytest.mark.parametrize('args, message', [
    (('plain', 'plain'), 'named twice'),
    (('plain', '--rounds', 0, '--no-memory'), 'nothing to measure'),
    (('plain', '--sweep', 'width=3'), 'not one of'),
    (('plain', '--sweep', 'crop=a'), 'whole numbers'),
    (('plain', '--largest-batch'), 'is for a GPU'),
    (('plain', '--peak-gbs', 20), 'takes both'),
    (('plain', '--peak-gbs', 20, '--peak-tflops', -1), 'above zero'),
])
def test_bad_options(run, args, message, capsys):
    with pytest.raises(SystemExit):
        run('benchmark.py', *args)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('name', ['inference_s4', 'memory_modules'])
def test_earlier_reports_read_as_they_did(root, name):
    """The first of them do not say on which processor they ran."""
    stored = root / 'docs/results/performance' / name
    report = json.loads(stored.with_suffix('.json').read_text())
    assert to_markdown(report) == stored.with_suffix('.md').read_text()


def test_what_one_row_lacks_is_left_blank():
    forms = dict(system='{system}', roofline='{roofline:.0%}', other='{other}')
    rows = [dict(system='a'), dict(system='b', roofline=0.5)]
    assert filled(forms, rows).splitlines()[2:] == ['| a |  |', '| b | 50% |']


def test_a_roofline_end_to_end(run, tmp_path, capsys):
    out = tmp_path / 'roofline'
    run('benchmark.py', 'respike', '--no-memory', '--peak-tflops', '0.1',
        '--peak-gbs', 20, '--out', out, *TINY)
    row, = json.loads(out.with_suffix('.json').read_text())['rows']
    assert row['roofline'] == row['roofline_s'] / row['wall_s'] > 0
    assert f'| {row["roofline"]:.0%} |' in capsys.readouterr().out
