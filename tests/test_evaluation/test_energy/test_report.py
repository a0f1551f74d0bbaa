"""What the meter hands out: dicts, tables, files, plots."""
import csv
import json

import pytest
import torch
from torch import nn

from respike_mm.evaluation.energy import (Point, files, measure_energy,
                                          plot_accuracy_energy, save_report,
                                          to_markdown)
from respike_mm.evaluation.energy.measurement import Measurement
from respike_mm.models import LIFNeuron


class Odd(nn.Module):
    """A layer with an operation that is in no table."""

    def forward(self, x):
        return torch.linalg.svdvals(x)


@pytest.fixture
def report():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), LIFNeuron(), nn.Linear(8, 4, bias=False), Odd())
    x = 4 * torch.rand(6, 1, 3, 4)
    return measure_energy(model, x, forward=lambda x: model(x))


def test_json_has_what_others_read(report, tmp_path):
    save_report(report, tmp_path / 'a.b' / 'run.1', 'Title')
    content = json.loads((tmp_path / 'a.b/run.1.json').read_text())
    assert content['samples'] == content['clips'] == 6
    assert content['input_shapes'] == [[3, 4]] and content['warning'] == ''
    for rule in ('paper', 'strict'):
        assert set(content['totals'][rule]) == {'energy_mj', 'macs', 'syops'}
        assert content['branches']['model'][rule] == content['totals'][rule]
    names = [(row['name'], row['op']) for row in content['layers']]
    assert names == [('0', 'linear'), ('1', 'neuron'), ('2', 'linear')]
    odd, = content['unknown']
    assert 'svd' in odd['op'] and odd['layers'] == ['3']
    assert content['constants']['pj_mac'] == 4.6
    assert content['data_movement']['t'] == 12


def test_csv_holds_the_same_layers(report, tmp_path):
    save_report(report, tmp_path / 'run', 'Title')
    with (tmp_path / 'run.csv').open() as file:
        read = list(csv.DictReader(file))
    assert [row['name'] for row in read] == ['0', '1', '2']
    assert float(read[2]['strict_energy_mj']) == pytest.approx(
        report.layer_rows()[2]['strict_energy_mj'])


def test_markdown_names_everything(report):
    text = to_markdown(report)
    assert 'Warning' not in text
    for part in ('svd', 'excluded (1)', '1. appendix A counts',
                 'clips and crops: 3 x 4.',
                 '| `2` | linear | spike |', '**total**', 'Data movement'):
        assert part in text
    header, line, *rows = text.split('## Layers\n\n')[1].splitlines()[:5]
    assert len({row.count('|') for row in (header, line, *rows)}) == 1


def test_plots_are_written(report, tmp_path):
    paths = save_report(report, tmp_path / 'run', 'Title')
    assert paths[3].read_bytes().startswith(b'\x89PNG')
    points = [Point('a', 1, 50, 2, 'g'), Point('b', 10, 60, None, 'g'),
              Point('c', 3, 55)]
    plot_accuracy_energy(points, tmp_path / 'p.png', 'Set', 'strict')
    assert (tmp_path / 'p.png').stat().st_size > 5000
    with pytest.raises(ValueError, match='positive energy'):
        plot_accuracy_energy([Point('a', 0, 50)], tmp_path / 'q.png', 'S', 's')


def test_json_is_written_last_and_at_once(report, tmp_path, monkeypatch):
    """Whoever finds it may take the report for complete."""
    def fail(*args):
        raise OSError('disk full')

    for module, name in ((files, 'plot_report'), (files.os, 'replace')):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fail)
            with pytest.raises(OSError, match='disk full'):
                save_report(report, tmp_path / 'run', 'Title')
        assert not (tmp_path / 'run.json').exists()
    save_report(report, tmp_path / 'run', 'Title')
    assert {path.name for path in tmp_path.iterdir()} == {
        'run.json', 'run.md', 'run.csv', 'run.png'}


def test_parts_of_several_processes_add_up():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.Unflatten(0, (1, -1)), LIFNeuron(), Odd())
    x = 4 * torch.rand(5, 2, 5, 5)
    whole = measure_energy(model, [x])
    parts = [measure_energy(model, [part]) for part in x.split([2, 3])]
    merged = Measurement().merge(part.measurement for part in parts)
    assert (merged.samples, merged.clips) == (5, 5)
    assert merged.input_shapes == {(2, 5, 5)}
    assert merged.unknown.keys() == whole.measurement.unknown.keys()
    for key, record in whole.measurement.layers.items():
        assert merged.layers[key].total == record.total
        assert merged.layers[key].kinds == record.kinds
        assert merged.layers[key].calls == 2
