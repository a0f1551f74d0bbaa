import mini_benchmark as mini
import pytest
from _bench.figures import (OURS, THEIRS, all_figures, draw_dots, draw_rates,
                            draw_stride, draw_tradeoff, plt, points)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close('all')


def energy(mj):
    return {rule: dict(energy_mj=mj + extra)
            for rule, extra in (('paper', 0), ('strict', 5))}


def strides(**others):
    return mini.results(*[
        mini.record(f's={s}', (70 - s + seed) / 100, seed, section='Stride',
                    energy=energy(100 / s))
        for s in (2, 4, 16) for seed in (0, 1)
    ], **others)


def markers(axis, color):
    """Points drawn in one colour; error bars and the legend left out."""
    return [tuple(map(list, line.get_data())) for line in axis.lines
            if line.get_color() == color and len(line.get_xdata())
            and line.get_marker() in 'oD']


def test_stride():
    """Accuracy and energy at their strides, with units and legends."""
    left, right = draw_stride(strides()).axes
    assert markers(left, OURS) == [([2, 4, 16], [68.5, 66.5, 54.5])]
    assert markers(left, THEIRS) == [([2, 4], [85.6, 84.49])]
    lines = {line.get_label(): list(line.get_ydata()) for line in right.lines}
    assert lines == {'paper rule': [50, 25, 6.25],
                     'strict rule': [55, 30, 11.25]}
    assert left.get_ylabel() == 'top-1 accuracy (%)'
    assert right.get_ylabel() == 'energy (mJ per clip)'
    assert left.get_xlabel() == right.get_xlabel() == 'key-frame stride s'
    assert left.get_title() and right.get_title()
    assert left.get_legend() and right.get_legend()


def test_stride_without_energy():
    data = strides()
    for run in data['runs']:
        run['energy'] = None
    _, right = draw_stride(data).axes
    assert [text.get_text() for text in right.texts] == ['not measured']


def test_dots():
    data = mini.results(
        mini.record('E8', 0.5), mini.record('E9', 0.7), mini.record('E9', 0.8,
                                                                    1))
    axis, = draw_dots([(data, points(data, ['Ablation']))]).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        'E8', 'E9']
    assert markers(axis, OURS) == [([50], [0]), ([75], [1])]
    assert markers(axis, THEIRS) == [([78.59], [0]), ([84.49], [1])]
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ['ours, ± std over seeds', 'paper, UCF-101']


def test_tradeoff_leaves_out_what_was_not_measured():
    data = mini.results(
        mini.record('C3D', 0.5, section='3D ANN', energy=energy(700)),
        mini.record('I3D', 0.6, section='3D ANN'),
        mini.record('MS-ResNet', 0.3, section='SNN', energy=energy(4)))
    for axis, extra in zip(draw_tradeoff(data).axes, (0, 5)):
        assert [(text.get_text(), *text.xy) for text in axis.texts] == [
            ('C3D', 700 + extra, 50), ('MS-ResNet', 4 + extra, 30)]
        assert axis.get_xscale() == 'log'
        assert [text.get_text() for text in axis.get_legend().get_texts()
                ] == ['3D ANN', 'SNN']


def test_tradeoff_joins_the_strides():
    axis, _ = draw_tradeoff(strides()).axes
    line, = [x for x in axis.lines if x.get_linestyle() == '-']
    assert list(line.get_xdata()) == [50, 25, 6.25]
    assert list(line.get_ydata()) == [68.5, 66.5, 54.5]
    assert [text.get_text() for text in axis.texts] == ['s=2', 's=4', 's=16']


def test_rates():
    """ReSpike's strides in one panel, other systems in the other."""
    rates = {'ReSpike s=2': dict(lif1=0.1, lif2=0.2),
             'ReSpike s=4': dict(lif1=0.3, lif2=0.4), 'SNN': dict(lif2=0.5)}
    left, right = draw_rates(rates, 'UCF-101').axes
    assert [list(line.get_ydata()) for line in left.lines] == [
        [0.1, 0.2], [0.3, 0.4]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        'ReSpike s=2', 'ReSpike s=4']
    assert [text.get_text() for text in right.get_xticklabels()] == ['lif2']
    assert left.get_ylabel() == 'spikes per neuron and time step'


def test_files(tmp_path):
    systems = mini.results(
        mini.record('C3D', 0.5, section='3D ANN'),
        mini.record('SNN', 0.5, section='SNN', firing_rates=dict(lif=0.1)))
    paths = all_figures([strides(suite='a'), systems], tmp_path)
    assert sorted(path.name for path in paths) == [
        'accuracy_energy_a.png', 'firing_rates_mini.png', 'stride_a.png',
        'table1.png']
    assert all(path.read_bytes().startswith(b'\x89PNG') for path in paths)
