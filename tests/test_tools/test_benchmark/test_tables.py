import csv

import mini_benchmark as mini
import pytest
from _bench import paper
from _bench.claims import check_claims
from _bench.suite import SYSTEMS, load_suite
from _bench.tables import all_tables, claims_table

ENERGY = dict(
    paper=dict(energy_mj=68.4, macs=23.76e9),
    strict=dict(energy_mj=78.2, macs=24e9))


def tables(*datasets):
    return {table.name: table for table in all_tables(datasets)}


def test_systems_beside_the_paper():
    table = tables(mini.results(
        mini.record('TET-ResNet', 0.5, 0, section='SNN'),
        mini.record('TET-ResNet', 0.6, 1, section='SNN'),
        mini.record('AdaScan (ResNet-18)', 0.4, section='2D ANN',
                    paper='AdaScan'),
        mini.record('ReSpike R18 (s=4)', 0.7, section='ReSpike',
                    energy=ENERGY)))['table1']
    assert table.markdown() == '''\
| section | system | UCF-101 top-1 % | paper | mJ, paper rule | \
mJ, strict rule | paper mJ |
| --- | --- | --- | --- | --- | --- | --- |
| 2D ANN | AdaScan (ResNet-18) | 40.0 (1 seed) | 78.6 |  |  |  |
| SNN | TET-ResNet | 55.0 ± 7.1 (2 seeds) | 54.2 |  |  |  |
| ReSpike | ReSpike R18 (s=4) | 70.0 (1 seed) | 77.5 | 68.40 | 78.20 | 68.35 |
'''
    rows = list(csv.DictReader(table.csv().splitlines()))
    assert rows[2]['paper mJ'] == '68.35' and rows[1]['paper'] == '54.2'


def test_bars_in_names_are_no_borders():
    table = tables(mini.results(
        mini.record('ours | wide', 0.5, section='SNN')))['table1']
    row = table.markdown().splitlines()[2]
    assert row.startswith(r'| SNN | ours \| wide | 50.0 (1 seed) |')
    assert '\nSNN,ours | wide,50.0' in table.csv()


def test_two_data_sets_side_by_side():
    table = tables(
        mini.results(mini.record('C3D', 0.5, section='3D ANN')),
        mini.results(mini.record('I3D', 0.6, section='3D ANN'),
                     title='HMDB-51', paper='HMDB-51'))['table1']
    # No energy was measured: no columns for it.
    assert list(table.columns) == [
        'section', 'system', 'UCF-101 top-1 %', 'paper', 'HMDB-51 top-1 %',
        'paper']
    assert [row[1:] for row in table.rows] == [
        ['C3D', '50.0 (1 seed)', '85.2', '', ''],
        ['I3D', '', '84.5', '60.0 (1 seed)', '49.8']]


def test_figures_of_another_data_set_say_so():
    """Nor is the paper's energy quoted beside smaller frames' energy."""
    table = tables(mini.results(
        mini.record('MS-ResNet', 0.5, section='SNN',
                    energy=dict(paper=dict(energy_mj=1.),
                                strict=dict(energy_mj=2.))),
        title='Generated videos'))['table1']
    assert table.columns[3:] == [
        'paper, UCF-101', 'mJ, paper rule', 'mJ, strict rule']
    assert table.rows[0][3:] == ['51.5', '1.00', '2.00']


def test_a_data_set_without_the_papers_figures():
    data = mini.results(mini.record('MS-ResNet', 0.5, section='SNN'),
                        mini.record('E9', 0.5), title='Ours', paper=None)
    table = tables(data)['table1']
    assert table.columns[3] == 'paper' and table.rows[0][3] == ''
    assert claims_table(data, check_claims(data)).rows[0][-1] == ''


def test_depth():
    table = tables(mini.results(
        mini.record('ResNet-18', 0.5, section='Depth', energy=ENERGY)))
    assert table['table2'].rows == [
        ['ResNet-18', '23.8', '23.8', '50.0 (1 seed)', '77.4', '68.40',
         '78.20', '']]


def test_energies_of_ablations_and_strides_are_those_of_the_systems():
    """On UCF-101 with ResNet-50, on HMDB-51 with ResNet-18 (section 5.3)."""
    for column, ann in (('UCF-101', 50), ('HMDB-51', 18)):
        energy = paper.figures()['energy_mj'][column]
        assert energy['E1'] == energy[f'ResNet-{ann}']
        assert energy['E2'] == energy['MS-ResNet']
        assert energy['E9'] == energy['s=4'] == energy[
            f'ReSpike R{ann} (s=4)']
    table = tables(mini.results(mini.record('E1', 0.5, energy=ENERGY)))
    assert table['ablation'].rows[0][-1] == '304.92'


def test_ablation_and_stride():
    """s=16 has no figure in the paper."""
    result = tables(mini.results(
        mini.record('E8', 0.5), mini.record('s=4', 0.5, section='Stride'),
        mini.record('s=16', 0.4, section='Stride')))
    assert result['ablation'].rows[0] == [
        'E8', 'hybrid', 'no', 'key + residual', '50.0 (1 seed)', '78.6']
    assert result['stride'].rows == [
        ['s=4', '50.0 (1 seed)', '84.5'], ['s=16', '40.0 (1 seed)', '']]
    assert set(result) == {'ablation', 'stride', 'details_mini'}


def test_ablations_that_the_paper_does_not_have():
    table = tables(mini.results(mini.record('no leak', 0.5)))['ablation']
    assert table.rows == [['no leak', '', '', '', '50.0 (1 seed)', '']]


def test_details():
    table = tables(mini.results(
        mini.record('E9', 0.5, 0),
        mini.record('E9', 0.6, 2, epochs=5, precision='mixed')))[
            'details_mini']
    row = dict(zip(table.columns, table.rows[0]))
    assert row['M parameters'] == '1.50' and row['epochs'] == '4 / 5'
    assert row['clips x crops'] == '10 x 3' and row['seeds'] == '0 2'
    assert row['top-1 %'] == '55.0 ± 7.1'
    assert row['precision'] == 'float32 / mixed'
    assert row['clip top-1 %'] == '30.0 ± 0.0'
    assert row['training'] == '2 min' and row['config'] == '`E9.py`'


def test_stale_runs_are_explained():
    markdown = tables(mini.results(
        mini.record('E9', 0.5, stale=True)))['ablation'].markdown()
    assert '50.0 (1 seed) † |' in markdown
    assert markdown.endswith('† The config has changed since this run.\n')


def test_claims():
    data = mini.results(*[mini.record(name, value + seed / 50, seed)
                          for name, value in (('E9', 0.8), ('E8', 0.7))
                          for seed in (0, 1)])
    table = claims_table(data, check_claims(data))
    row, = [row for row in table.rows if row[1] == 'E9 > E8']
    assert row[2:] == ['holds', '+10.0', '0.0', '+10.0 to +10.0', '2', '+5.9']
    assert all(row[2] == 'not run' for row in table.rows
               if row[1] != 'E9 > E8')


@pytest.mark.parametrize('name', ['ucf101', 'hmdb51', 'k400'])
def test_every_figure_of_the_paper_has_a_row(name):
    suite = load_suite(name)
    rows = {(('systems' if r.section in SYSTEMS else r.section), r.paper)
            for r in suite.rows}
    for table in ('systems', 'Depth', 'Ablation', 'Stride'):
        for key in paper.figures()[table].get(suite.paper, {}):
            assert (table, key) in rows
    names = {r.paper for r in suite.rows if r.section != 'Depth'}
    assert set(paper.figures()['energy_mj'].get(suite.paper, {})) <= names
    assert set(paper.figures()['depth_gmacs']) == {
        r.name for r in suite.rows if r.section == 'Depth'}


def test_the_papers_own_arithmetic():
    """Table 3: 4.6 pJ a MAC; MS-ResNet 4.6 x 0.35 + 0.9 x 3.27 G."""
    energy = paper.figures()['energy_mj']['UCF-101']
    for name, gmacs in (('ResNet-18', 29.22), ('ResNet-50', 66.29),
                        ('C3D', 154.19), ('Res3D', 163.21)):
        assert energy[name] == pytest.approx(4.6 * gmacs, abs=0.03)
    assert energy['MS-ResNet'] == pytest.approx(
        4.6 * 0.35 + 0.9 * 3.27, abs=0.01)
    assert energy['ReSpike R18 (s=4)'] == pytest.approx(
        4.6 * (7.25 + 7.22) + 0.9 * 1.97, abs=0.03)
