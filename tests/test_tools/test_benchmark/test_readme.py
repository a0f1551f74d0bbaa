import runpy
import sys

import mini_benchmark as mini
import pytest
from _bench.errors import BenchmarkError
from _bench.files import ROOT, write_json
from _bench.readme import fill

PAGE = '''Before.
<!-- table a.md -->
old
<!-- end table -->
Between.
    <!-- table an indented example -->
<!-- table b/c.md -->
<!-- end table -->
After.
'''


def test_blocks_are_replaced(tmp_path):
    (tmp_path / 'a.md').write_text('| A |\n')
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b/c.md').write_text(r'| \1 |' + '\n')
    filled = fill(PAGE, tmp_path)
    assert filled == r'''Before.
<!-- table a.md -->

| A |

<!-- end table -->
Between.
    <!-- table an indented example -->
<!-- table b/c.md -->

| \1 |

<!-- end table -->
After.
'''
    assert fill(filled, tmp_path) == filled


def test_missing_table_and_open_block(tmp_path):
    with pytest.raises(BenchmarkError, match='no table .*a.md'):
        fill(PAGE, tmp_path)
    with pytest.raises(BenchmarkError, match='no <!-- end table -->'):
        fill('<!-- table a.md -->\n', tmp_path)


def test_this_projects_pages_are_up_to_date():
    """Made by ``python tools/benchmark/tables.py --fill PAGE``."""
    for page in (ROOT / 'README.md', *ROOT.glob('docs/*.md')):
        text = page.read_text()
        assert fill(text, page.parent) == text, f'{page} is out of date'


def run_tables(*args):
    main = runpy.run_path(str(mini.BENCHMARK / 'tables.py'))['main']
    old, sys.argv = sys.argv, ['tables.py', *map(str, args)]
    try:
        return main()
    finally:
        sys.argv = old


def test_tables_of_several_results_into_a_page(tmp_path, capsys):
    for name, title in (('a', 'UCF-101'), ('b', 'HMDB-51')):
        write_json(tmp_path / name / 'results.json', mini.results(
            mini.record('C3D', 0.5, section='3D ANN'), suite=name,
            title=title, paper=title))
    page = tmp_path / 'page.md'
    page.write_text('<!-- table out/table1.md -->\n<!-- end table -->\n')
    assert run_tables(tmp_path / 'a', tmp_path / 'b/results.json', '--out',
                      tmp_path / 'out', '--fill', page) == 0
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert names == {'report.md', 'table1.csv', 'table1.md', 'table1.png',
                     'details_a.csv', 'details_a.md', 'details_b.csv',
                     'details_b.md', 'results_a.json', 'results_b.json'}
    assert 'HMDB-51 top-1 %' in page.read_text()
    report = (tmp_path / 'out/report.md').read_text()
    assert ('UCF-101: seeds 0; splits 1; epochs 4; test crop 224; '
            'revision abc.') in report


@pytest.mark.parametrize('content, match', [
    (None, 'does not exist'),
    ('{"suite": "mi', 'results.json is no JSON, or was cut off'),
    ([], 'no results.json of the benchmark'),
    (dict(suite='mini', runs=[]), 'no run is finished'),
])
def test_bad_results(content, match, tmp_path, capsys):
    if isinstance(content, str):
        (tmp_path / 'results.json').write_text(content)
    elif content is not None:
        write_json(tmp_path / 'results.json', content)
    assert run_tables(tmp_path, '--out', tmp_path / 'out') == 1
    assert match in capsys.readouterr().err


def test_tables_do_not_drop_records(tmp_path, capsys):
    """Those beside the tables that nothing else may hold."""
    for name, row in (('a', 'C3D'), ('b', 'I3D')):
        write_json(tmp_path / name / 'results.json', mini.results(
            mini.record(row, 0.5, section='3D ANN')))
    out = tmp_path / 'out'
    assert run_tables(tmp_path / 'a', '--out', out) == 0
    before = (out / 'results_mini.json').read_text()
    assert run_tables(tmp_path / 'b', '--out', out) == 1
    error = capsys.readouterr().err
    assert f'{out / "results_mini.json"} has 1 records' in error
    assert (out / 'results_mini.json').read_text() == before
    assert run_tables(out / 'results_mini.json', tmp_path / 'b', '--out',
                      out) == 0
    assert 'I3D' in (out / 'table1.md').read_text()
