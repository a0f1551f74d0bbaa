import mini_benchmark as mini
from _bench.files import read_json
from _bench.records import join, portable

ROWS = {'Ablation': dict(E6=dict(top1=0.6), E2=dict(top1=0.25))}


def trainings(folder):
    return len(list(folder.glob('train/*/vis_data/arguments.json')))


def test_portable_records_name_no_folders():
    energy = dict(report='/there/energy.json', samples=8,
                  paper=dict(energy_mj=1.))
    results = mini.results(
        mini.record('E1', 0.5, energy=energy, folder='/there/run'))
    kept = portable(results)
    assert '/there' not in str(kept)
    assert kept['runs'][0]['energy'] == dict(samples=8,
                                             paper=dict(energy_mj=1.))
    assert kept['runs'][0]['top1'] == 0.5
    assert results['runs'][0]['folder'] == '/there/run'  # left as it was


def test_joined_by_suite_row_seed_and_split():
    first = mini.results(mini.record('E1', 0.5, 0), mini.record('E1', 0.6, 1))
    second = mini.results(mini.record('E1', 0.7, 1), mini.record('E2', 0.1))
    other = mini.results(mini.record('E1', 0.9), suite='other')
    joined, alone = join([first, other, second])
    assert [(r['name'], r['seed'], r['top1']) for r in joined['runs']] == [
        ('E1', 0, 0.5), ('E1', 1, 0.7), ('E2', 0, 0.1)]
    assert alone == other


def test_joined_rows_stand_where_their_file_has_them():
    """Another machine's rows go between those there are."""
    parts = [['E2', 'E4', 'E9'], ['E1', 'E4', 'E5', 'E6']]
    joined, = join([
        mini.results(*(mini.record(name, 0.5) for name in names))
        for names in parts])
    assert [run['name'] for run in joined['runs']] == [
        'E1', 'E2', 'E4', 'E5', 'E6', 'E9']


def test_earlier_runs_are_not_repeated(bench, tmp_path, capsys):
    """Another machine goes on from what the tables' folder holds."""
    assert bench(ROWS, '--seeds', 0, '--energy-samples', 4) == 0
    earlier = tmp_path / 'work/tables/results_mini.json'
    text = earlier.read_text()
    assert str(tmp_path) not in text.replace(
        str(tmp_path / 'suite'), '')  # configs beside the suite are paths
    there = tmp_path / 'there'
    assert bench(None, '--seeds', 0, 1, '--work-dir', there, '--earlier',
                 earlier) == 0
    assert not (there / 'config1/seed0').exists()
    assert trainings(there / 'config1/seed1') == 1
    both = read_json(there / 'tables/results_mini.json')['runs']
    assert [(r['name'], r['seed']) for r in both] == [
        ('E6', 0), ('E6', 1), ('E2', 0), ('E2', 1)]
    assert both[0]['energy']['samples'] == 4
    table = (there / 'tables/ablation.md').read_text()
    assert '60.0 ± 0.0 (2 seeds)' in table


def test_earlier_run_of_another_config_is_repeated(bench, tmp_path):
    assert bench(ROWS) == 0
    earlier = tmp_path / 'work/tables/results_mini.json'
    config = tmp_path / 'suite/config1.py'
    config.write_text(config.read_text().replace('lr=0.1', 'lr=0.2'))
    there = tmp_path / 'there'
    arguments = '--work-dir', there, '--earlier', earlier
    assert bench(None, *arguments, '--collect-only') == 0
    table = (there / 'tables/ablation.md').read_text()
    assert 'E6 | SNN |  | residual | 60.0 (1 seed) †' in table
    assert bench(None, *arguments) == 0
    assert trainings(there / 'config1/seed0') == 1
    assert not (there / 'config2').exists()
    assert '†' not in (there / 'tables/ablation.md').read_text()


def test_the_later_of_two_earlier_files_counts(bench, tmp_path):
    """Also where it is the one that is out of date."""
    assert bench(ROWS) == 0
    good = tmp_path / 'work/tables/results_mini.json'
    old = tmp_path / 'old.json'
    old.write_text(good.read_text().replace('"digest": "', '"digest": "0'))
    there = tmp_path / 'there'
    assert bench(None, '--work-dir', there, '--collect-only', '--earlier',
                 old, good) == 0
    assert '†' not in (there / 'tables/ablation.md').read_text()
    assert bench(None, '--work-dir', there, '--collect-only', '--earlier',
                 good, old) == 0
    assert '†' in (there / 'tables/ablation.md').read_text()


def test_earlier_results_of_another_suite(bench, tmp_path, capsys):
    assert bench(ROWS) == 0
    path = tmp_path / 'work/tables/results_mini.json'
    path.write_text(path.read_text().replace('"suite": "mini"',
                                             '"suite": "k400"'))
    assert bench(None, '--earlier', path) == 1
    error = capsys.readouterr().err
    assert 'results are of suite k400, not mini' in error


def test_records_of_runs_that_are_gone_are_kept(bench, tmp_path, capsys):
    """Another machine's tables are not cut down to what was run here."""
    docs, there = tmp_path / 'docs', tmp_path / 'there'
    assert bench(ROWS, '--seeds', 0, 1, '--out', docs) == 0
    assert 'kept' not in capsys.readouterr().err
    config = tmp_path / 'suite/config1.py'
    config.write_text(config.read_text().replace('lr=0.1', 'lr=0.2'))
    assert bench(None, '--only', 'E6', '--seeds', 1, '--work-dir', there,
                 '--out', docs) == 0
    error = capsys.readouterr().err
    assert '3 records are kept' in error
    assert f'remove {docs / "results_mini.json"} first' in error
    runs = read_json(docs / 'results_mini.json')['runs']
    assert [(r['name'], r['seed'], r['stale']) for r in runs] == [
        ('E6', 0, True), ('E6', 1, False), ('E2', 0, False), ('E2', 1, False)]
