"""All tables, figures and verdicts of some results, as files."""
from pathlib import Path
from typing import Any, Dict, List, Sequence

from .claims import check_claims
from .errors import BenchmarkError
from .figures import all_figures
from .files import CONFIGS, read_json, write_json, write_text
from .firing_rates import firing_rates_table
from .records import key_of, portable
from .runs import Run, config_folder, config_name, finished_in
from .summary import splits_of
from .tables import Table, all_tables, claims_table, one_or_all

NOTES = '''Accuracies are top-1 in percent of the last epoch's weights, mean
± standard deviation over seeds; with several splits, over the seeds' means.
Video level unless "clip" is said. Energy is of one clip as validation
crops it, which testing may crop larger; the paper's for C3D is of four clips
of 112x112, and the GMACs of its table 2 of frames of 256x256.
'''


def write_report(datasets: Sequence[Dict[str, Any]], out: Path) -> List[Path]:
    """Write ``report.md``, each table as .md and .csv, and the figures.

    Beside them the results themselves, ``results_SUITE.json``.

    Returns:
        The files.

    Raises:
        BenchmarkError: If there is no finished run among the results.
    """
    if not any(data['runs'] for data in datasets):
        raise BenchmarkError('no run is finished: there is nothing to '
                             'tabulate')
    datasets = [data for data in datasets if data['runs']]
    tables = all_tables(datasets)
    for data in datasets:
        if any(run['section'] == 'Ablation' for run in data['runs']):
            tables.append(claims_table(data, check_claims(data)))
        rates = firing_rates_table(data)
        tables += [rates] if rates.rows else []
    paths = []
    for table in tables:
        for suffix, text in (('md', table.markdown()), ('csv', table.csv())):
            paths.append(out / f'{table.name}.{suffix}')
            write_text(paths[-1], text)
    paths.append(out / 'report.md')
    write_text(paths[-1], report(datasets, tables))
    for data in datasets:
        paths.append(out / f'results_{data["suite"]}.json')
        write_json(paths[-1], portable(data))
    return paths + all_figures(datasets, out)


def only_here(out: Path, results: Dict[str, Any], runs: Sequence[Run],
              work_dir: Path) -> List[Dict[str, Any]]:
    """Records beside the tables that nothing else holds.

    Args:
        out: Folder of the tables; it may be missing.
        results: What is to replace ``results_SUITE.json`` there.
        runs: The runs of this call; records of the same row and split are
            marked as stale if their config was another.
        work_dir: Folder of the runs.

    Returns:
        The records in that file that the results lack and of which there is
        no finished run in the work dir.
    """
    path = out / f'results_{results["suite"]}.json'
    if not path.exists():
        return []
    new = set(map(key_of, results['runs']))
    digests = {(config_name(run.config), run.split): run.digest
               for run in runs}
    kept = []
    for record in load_results(path)['runs']:
        config, split = record['config'], record['split']
        folder = work_dir / config_folder(CONFIGS / config)
        if key_of(record) in new or any(
                (done['seed'], done['split']) == (record['seed'], split)
                for done in finished_in(folder)):
            continue
        digest = digests.get((config, split))
        stale = record['digest'] != digest if digest else record['stale']
        kept.append({**record, 'stale': stale})
    return kept


def check_none_is_lost(results: Dict[str, Any], out: Path) -> None:
    """Refuse to replace records beside the tables by fewer.

    Args:
        results: What is to replace ``results_SUITE.json``.
        out: Folder of the tables; it may be missing.

    Raises:
        BenchmarkError: If that file has records that the results lack.
    """
    path = out / f'results_{results["suite"]}.json'
    there = load_results(path)['runs'] if path.exists() else []
    lost = set(map(key_of, there)) - set(map(key_of, results['runs']))
    if lost:
        raise BenchmarkError(
            f'{path} has {len(lost)} records that the results named lack, '
            'and would be replaced; name it first among them, or remove it')


def report(datasets: Sequence[Dict[str, Any]],
           tables: Sequence[Table]) -> str:
    """All tables on one page, and under what conditions they arose."""
    parts = ['# Results\n', NOTES]
    for data in datasets:
        runs = data['runs']
        facts = dict(
            seeds=one_or_all((run['seed'] for run in runs), ' '),
            splits=' '.join(map(str, splits_of(runs))),
            epochs=one_or_all(run['epochs'] for run in runs),
            **{'test crop': one_or_all(run['crop'] for run in runs)},
            revision=one_or_all(run['revision'] for run in runs))
        parts.append(f'{data["title"]}: ' + '; '.join(
            f'{key} {value}' for key, value in facts.items()) + '.\n')
    parts += [f'## {table.title}\n\n{table.markdown()}' for table in tables]
    return '\n'.join(parts)


def load_results(path: Path) -> Dict[str, Any]:
    """Read a ``results.json``.

    Raises:
        BenchmarkError: If it is missing or something else.
    """
    if path.is_dir():
        path = path / 'results.json'
    if not path.is_file():
        raise BenchmarkError(f'{path} does not exist; tools/benchmark/run.py '
                             'writes it')
    results = read_json(path)
    if not isinstance(results, dict) or 'runs' not in results:
        raise BenchmarkError(f'{path} is no results.json of the benchmark')
    return results
