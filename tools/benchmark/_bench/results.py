"""A run's result, and those of a suite in one file."""
import csv
import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import torch

from .errors import BenchmarkError
from .files import ROOT, read_json, write_json, write_text
from .firing_rates import firing_rates
from .mmengine_files import test_metrics
from .runs import DONE, STALE, Run, state
from .suite import Suite

sys.path.insert(1, str(ROOT / 'tools'))
import _common  # noqa: E402

# Ours and the test's names.
METRICS = dict(
    top1='acc/top1',
    top5='acc/top5',
    mean_class='acc/mean1',
    clip_top1='acc/clip_top1',
    clip_top5='acc/clip_top5')
# Of batch norm: saved with the parameters but not learned.
STATISTICS = ('running_mean', 'running_var', 'num_batches_tracked')


def revision() -> str:
    """The project's git revision, or '' outside a repository."""
    try:
        done = subprocess.run(['git', 'describe', '--always', '--dirty'],
                              cwd=ROOT,
                              capture_output=True,
                              text=True)
    except FileNotFoundError:
        return ''
    return done.stdout.strip()


def count_parameters(checkpoint: Path) -> int:
    """Numbers in a checkpoint's weights, batch norm's statistics left out."""
    # MMEngine keeps more than tensors in it, which the plugin lets in.
    _common.import_plugin()
    content = torch.load(checkpoint, map_location='cpu', weights_only=True)
    return sum(value.numel()
               for name, value in content['state_dict'].items()
               if name.rpartition('.')[2] not in STATISTICS)


def write_result(run: Run) -> None:
    """Put together what a finished run has left, as ``result.json``."""
    metrics = test_metrics(run.folder / 'test')
    accuracies = {ours: metrics[name] for ours, name in METRICS.items()}
    if metrics['acc/clips'] != run.facts['clips'] * run.facts['crops']:
        # The network has joined them: there are no scores of single clips.
        accuracies.update(clip_top1=None, clip_top5=None)
    seconds = read_json(run.folder / 'seconds.json')
    settings = read_json(run.folder / 'settings.json')
    write_json(
        run.folder / 'result.json', {
            **settings,
            **run.facts,
            'batch_size': run.facts['batch_size'] * settings.get('gpus', 1),
            'parameters': count_parameters(run.checkpoint),
            **accuracies,
            'train_seconds': round(seconds.get('train', 0)),
            'test_seconds': round(seconds.get('test', 0)),
            'finished': datetime.now().isoformat(timespec='seconds'),
        })


def collect(suite: Suite, runs: Sequence[Run]) -> Dict[str, Any]:
    """The finished runs of a suite, one record for each row of the tables.

    In the suite's order: a run of several rows comes early in the plan.
    """
    records = []
    for run in runs:
        now = state(run)
        if now not in (DONE, STALE):
            continue
        result = read_json(run.folder / 'result.json')
        path = run.folder / 'energy.json'
        energy, rates = read_energy(path) if path.exists() else (None, {})
        records += [
            dict(
                section=row.section,
                name=row.name,
                paper=row.paper,
                stale=now == STALE,
                **result,
                energy=energy,
                firing_rates=rates,
                folder=str(run.folder)) for row in run.rows
        ]
    return dict(
        suite=suite.name,
        title=suite.title,
        paper=suite.paper,
        runs=in_suite_order(suite, records))


def in_suite_order(suite: Suite,
                   records: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Sort records as the suite's rows are; then by seed and split.

    Rows that the suite does not have any more come last.
    """
    order = {(row.section, row.name): i for i, row in enumerate(suite.rows)}
    return sorted(
        records,
        key=lambda x: (order.get((x['section'], x['name']), len(order)),
                       x['seed'], x['split']))


def read_energy(path: Path) -> Tuple[Dict[str, Any], Dict[str, float]]:
    """Read an energy report.

    Returns:
        Its totals, which are for one clip, with its path; and firing rates
        by layer.

    Raises:
        BenchmarkError: If it is no report of the energy meter.
    """
    try:
        report = read_json(path)
    except BenchmarkError as error:
        raise BenchmarkError(f'{error}; remove it, or measure again with '
                             '--energy-samples N') from None
    try:
        totals = dict(
            report=str(path), samples=report['samples'], **report['totals'])
        return totals, firing_rates(report['layers'])
    except (KeyError, TypeError) as error:
        raise BenchmarkError(f'{path} is no energy report: it has no '
                             f'{error}') from None


def write_results(folder: Path, results: Dict[str, Any]) -> List[Path]:
    """Write ``results.json`` and, less the rates, ``results.csv``."""
    write_json(folder / 'results.json', results)
    rows = [flatten({k: v for k, v in record.items() if k != 'firing_rates'})
            for record in results['runs']]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / 'results.csv', text.getvalue())
    return [folder / 'results.json', folder / 'results.csv']


def flatten(record: Dict[str, Any], prefix: str = '') -> Dict[str, Any]:
    """Nested records as ``energy.paper.energy_mj`` and the like."""
    flat = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f'{prefix}{key}.'))
        else:
            flat[prefix + key] = ' '.join(value) if isinstance(
                value, list) else value
    return flat
