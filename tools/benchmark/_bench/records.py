"""Results as they are kept beside the tables, and put together again.

A run's folder is large and may be gone; its record in ``results_SUITE.json``
says all that the tables need.
"""
from typing import Any, Dict, List, NamedTuple, Sequence

from .errors import BenchmarkError
from .runs import Run

Results = Dict[str, Any]  # of one suite, as results.collect makes them


def portable(results: Results) -> Results:
    """A suite's results less what holds on one machine only."""
    runs = []
    for run in results['runs']:
        run = {key: run[key] for key in run if key != 'folder'}
        if run['energy']:
            run['energy'] = {key: value
                             for key, value in run['energy'].items()
                             if key != 'report'}
        runs.append(run)
    return {**results, 'runs': runs}


def join(datasets: Sequence[Results]) -> List[Results]:
    """Make those of the same suite one, suites by first appearance.

    Of two records of the same row, seed and split, the later counts.
    """
    suites = {}
    for data in datasets:
        suites.setdefault(data['suite'], []).append(data)
    joined = []
    for parts in suites.values():
        runs = {key_of(run): run for data in parts for run in data['runs']}
        order = row_order(parts)
        joined.append({
            **parts[-1], 'runs':
            sorted(runs.values(), key=lambda run: order.index(row_of(run)))
        })
    return joined


def row_order(parts: Sequence[Results]) -> List[tuple]:
    """All rows; one that only a later part has follows the row it follows
    there."""
    order = []
    for data in parts:
        place = 0
        for row in dict.fromkeys(map(row_of, data['runs'])):
            if row not in order:
                order.insert(place, row)
            place = order.index(row) + 1
    return order


def row_of(record: Dict[str, Any]) -> tuple:
    """Section and name."""
    return record['section'], record['name']


def key_of(record: Dict[str, Any]) -> tuple:
    """What a record is the record of."""
    return tuple(record[key] for key in ('section', 'name', 'seed', 'split'))


class Earlier(NamedTuple):
    """What of a plan others have done, and what is left of it."""
    results: List[Results]  # of the suite, put together; empty if none
    left: List[Run]


def take_over(datasets: Sequence[Results], suite: str,
              runs: Sequence[Run]) -> Earlier:
    """Find planned runs among earlier results.

    A record stands for a run if the config says the same; if it does not any
    more, the run is left to do and the record marked stale.

    Raises:
        BenchmarkError: If results are another suite's.
    """
    for data in datasets:
        if data['suite'] != suite:
            raise BenchmarkError(f'the earlier results are of suite '
                                 f'{data["suite"]}, not {suite}')
    joined = join(datasets)
    records = {key_of(run): dict(run) for data in joined
               for run in data['runs']}
    left = []
    for run in runs:
        keys = [(row.section, row.name, run.seed, run.split)
                for row in run.rows]
        found = [records[key] for key in keys if key in records]
        for record in found:
            record['stale'] = record['digest'] != run.digest
        if len(found) < len(keys) or any(r['stale'] for r in found):
            left.append(run)
    return Earlier([{**data, 'runs': list(records.values())}
                    for data in joined], left)
