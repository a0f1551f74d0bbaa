import mini_benchmark as mini
import pytest
from _bench.errors import BenchmarkError
from _bench.files import BENCHMARK
from _bench.plan import Request, plan
from _bench.runs import config_name
from _bench.suite import SECTIONS, load_suite, matching

SUITES = sorted(p.stem for p in (BENCHMARK / 'suites').glob('*.yaml'))


def test_which_suites():
    assert SUITES == [
        'hmdb51', 'k400', 'motion_shapes', 'ucf101', 'ucf101_10_lite'
    ]


@pytest.mark.parametrize('name', SUITES)
def test_every_config_exists(name):
    rows = load_suite(name).rows
    assert len(rows) >= 15
    missing = [config_name(r.config) for r in rows if not r.config.is_file()]
    assert not missing


@pytest.mark.parametrize('name', SUITES)
def test_can_be_planned(name, tmp_path):
    """Also: no two rows of a table are the same experiment."""
    suite = load_suite(name)
    runs = plan(suite, tmp_path, Request(
        seeds=(0, 1), splits=suite.splits, epochs=12))
    assert len({run.folder for run in runs}) == len(runs)
    rows = {row for run in runs for row in run.rows}
    assert rows == set(suite.rows)
    assert all(run.facts['epochs'] == 12 for run in runs)
    for run in runs:
        lists = [value for key, value in run.train_options.items()
                 if key.endswith('ann_file')]
        assert len(lists) == (0 if run.split == 1 else 3)
        assert all(f'split_{run.split}' in path for path in lists)


def test_rows_are_ordered_by_section(tmp_path):
    path = mini.make_suite(tmp_path, {
        'Ablation': dict(E1={}), '2D ANN': {'ResNet-18': {}, 'C3D': {}}})
    rows = load_suite(str(path)).rows
    assert [(r.section, r.name) for r in rows] == [
        ('2D ANN', 'ResNet-18'), ('2D ANN', 'C3D'), ('Ablation', 'E1')]
    assert rows[0].paper == 'ResNet-18'


def test_names_and_skip(tmp_path):
    (tmp_path / 'a.yaml').write_text(
        'title: A\nrows: [b]\nnames: {data: x}\nskip: [E*]\n')
    (tmp_path / 'b.yaml').write_text(
        'SNN:\n  One: {config: "s_{data}.py", paper: Un}\n'
        'Ablation: {E1: e.py}\n')
    suite = load_suite(str(tmp_path / 'a.yaml'))
    row, = suite.rows
    assert config_name(row.config) == 's_x.py' and row.paper == 'Un'
    assert suite.splits == (1, ) and suite.paper is None


@pytest.mark.parametrize('suite, rows, match', [
    ('title: A\nrows: [b]\nseeds: 1\n', '', "unknown key 'seeds'"),
    ('rows: [b]\n', '', "key 'title' is missing"),
    ('title: A\nrows: [c]\n', '', 'no file of rows c.yaml'),
    ('title: A\nrows: [b]\n', '2DANN: {a: b}', "'2DANN'; did you mean 2D ANN"),
    ('title: A\nrows: [b]\n', 'SNN: {a: "{data}.py"}', "a: .*'data'"),
    ('title: A\nrows: [b]\n', 'Stride: {stride 4: x.py}',
     "b.yaml: Stride: name the row 'stride 4' by its stride"),
    ('title: A\nrows: [b]\n', 'Stride: {4: x.py}', 'name the row 4 by'),
    ('title: A\nrows: [b]\nskip: [b]\n', 'SNN: {a: x.py}', 'skip b: no such'),
])
def test_malformed(suite, rows, match, tmp_path):
    (tmp_path / 'a.yaml').write_text(suite)
    (tmp_path / 'b.yaml').write_text(rows or 'SNN: {a: b.py}')
    with pytest.raises(BenchmarkError, match=match):
        load_suite(str(tmp_path / 'a.yaml'))


def test_unknown_suite_names_those_there_are():
    with pytest.raises(BenchmarkError, match='hmdb51, k400, motion_shapes'):
        load_suite('ucf11')


def test_matching_by_name_section_and_pattern():
    rows = load_suite('motion_shapes').rows
    assert SECTIONS[0] == rows[0].section
    names = [row.name for row in matching(rows, ['e[4-7]', '3D ann'], 'x')]
    assert names == ['E4', 'E5', 'E6', 'E7', 'C3D', 'I3D', 'Res3D']
    with pytest.raises(BenchmarkError, match='--only E10: .*ResNet-18, Ada'):
        matching(rows, ['E10'], '--only')


def test_rows_of_one_name_are_refused(tmp_path):
    """Tables and records hold one."""
    (tmp_path / 'a.yaml').write_text('title: A\nrows: [b, c]\n')
    (tmp_path / 'b.yaml').write_text('SNN: {Mine: b.py}\n')
    (tmp_path / 'c.yaml').write_text('SNN: {Mine: c.py}\n')
    with pytest.raises(BenchmarkError, match='SNN has several rows .* Mine'):
        load_suite(str(tmp_path / 'a.yaml'))
    (tmp_path / 'c.yaml').write_text('2D ANN: {Mine: c.py}\n')
    assert len(load_suite(str(tmp_path / 'a.yaml')).rows) == 2


def test_names_that_yaml_reads_as_numbers(tmp_path):
    (tmp_path / 'a.yaml').write_text('title: 2026\nrows: [b]\n')
    (tmp_path / 'b.yaml').write_text('SNN: {18: c.py, 3.5: d.py}\n')
    suite = load_suite(str(tmp_path / 'a.yaml'))
    assert suite.title == '2026'
    assert [(row.name, row.paper) for row in suite.rows] == [
        ('18', '18'), ('3.5', '3.5')]
    assert matching(suite.rows, ['18'], '--only') == [suite.rows[0]]
