"""From single runs to one figure with its spread for each row."""
import statistics
from typing import Any, Dict, List, NamedTuple, Optional, Sequence


class Summary(NamedTuple):
    """A figure over seeds."""
    mean: float
    std: Optional[float]  # sample standard deviation; None for one seed
    seeds: int
    splits: int
    of_splits: int  # that the data set's runs were made on
    stale: bool = False  # some config has changed since its run

    def __str__(self) -> str:
        spread = '' if self.std is None else f' ± {self.std:.1f}'
        seeds = f'{self.seeds} seed' + 's' * (self.seeds > 1)
        splits = f' x {self.splits} splits' if self.splits > 1 else ''
        if self.splits < self.of_splits:
            splits = f', {self.splits} of {self.of_splits} splits'
        mark = ' †' if self.stale else ''
        return f'{self.mean:.1f}{spread} ({seeds}{splits}){mark}'


def rows_of(runs: Sequence[Dict[str, Any]],
            section: str) -> Dict[str, List[Dict[str, Any]]]:
    """The runs of each of a section's rows, in order; strides by size."""
    rows = {}
    for run in runs:
        if run['section'] == section:
            rows.setdefault(run['name'], []).append(run)
    if section == 'Stride':
        return dict(sorted(rows.items(),
                           key=lambda row: int(row[0].removeprefix('s='))))
    return rows


def per_seed(runs: Sequence[Dict[str, Any]], metric: str,
             splits: Sequence[int]) -> Dict[int, float]:
    """Mean over the splits for each seed, in percent.

    A seed that lacks a split is left out: splits differ in difficulty, so a
    mean over some of them is no estimate of the mean over all.

    Args:
        runs: Runs of one row.
        metric: Name of an accuracy from 0 to 1; runs without it are left
            out.
        splits: All splits that count.
    """
    values = {}
    for run in runs:
        if run[metric] is not None:
            values.setdefault(run['seed'], {})[run['split']] = run[metric]
    return {
        seed: 100 * statistics.mean(by_split[k] for k in splits)
        for seed, by_split in sorted(values.items())
        if set(splits) <= set(by_split)
    }


def summarise(runs: Sequence[Dict[str, Any]], metric: str,
              splits: Sequence[int]) -> Optional[Summary]:
    """Mean and spread over the seeds, or None without a run.

    Where no seed has all splits, over those of the seed that has most; the
    summary says how many that are.
    """
    done = {}
    for run in runs:
        if run[metric] is not None:
            done.setdefault(run['seed'], set()).add(run['split'])
    if not done:
        return None
    used = sorted(max(done.values(), key=len) & set(splits))
    values = list(per_seed(runs, metric, used).values())
    return Summary(
        statistics.mean(values),
        statistics.stdev(values) if values[1:] else None, len(values),
        len(used), len(splits), any(run['stale'] for run in runs))


def splits_of(runs: Sequence[Dict[str, Any]]) -> List[int]:
    """The splits that any run of the data set was made on."""
    return sorted({run['split'] for run in runs})


def mean_energy(runs: Sequence[Dict[str, Any]], rule: str,
                key: str) -> Optional[float]:
    """Mean of an energy report's total over the runs that have one."""
    values = [
        run['energy'][rule][key] for run in runs
        if run['energy'] and rule in run['energy']
    ]
    return statistics.mean(values) if values else None
