"""From a suite to its runs."""
import copy
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mmengine.config import Config

from .configs import (describe, digest, epoch_options, load_config,
                      split_options, test_options)
from .errors import BenchmarkError
from .runs import Run, config_folder, config_name, finished_in
from .suite import Row, Suite, matching


class Request(NamedTuple):
    """What is asked of every row."""
    seeds: Sequence[int] = (0, )
    splits: Sequence[int] = (1, )
    only: Sequence[str] = ()  # names or sections of rows; none means all
    epochs: Optional[int] = None  # in place of the configs'
    options: Dict[str, Any] = {}  # further --cfg-options


def plan(suite: Suite, work_dir: Path, request: Request) -> List[Run]:
    """All runs, seed by seed, so that the first seed's tables come early.

    Rows whose configs say the same are one run, in the first one's folder.

    Raises:
        BenchmarkError: If configs are missing, cannot be adapted, say the
            same in two rows of one table, or would share a folder; or if a
            row or split is asked for that the suite does not have.
    """
    wanted = matching(suite.rows, request.only, '--only') or suite.rows
    absent = [config_name(r.config) for r in wanted if not r.config.is_file()]
    if absent:
        raise BenchmarkError(f'suite {suite.name}: missing under configs/: '
                             + ', '.join(dict.fromkeys(absent)))
    if set(request.splits) - set(suite.splits):
        raise BenchmarkError(f'suite {suite.name} has the splits '
                             f'{suite.splits}, not {tuple(request.splits)}')
    groups = experiments(suite, request)
    check_folders_differ([rows[0].config for _, rows in groups])
    groups = [(cfg, rows) for cfg, rows in groups if set(rows) & set(wanted)]
    for _, rows in groups:
        check_rows_differ([row for row in rows if row in wanted])
    adapted = {
        split: [adapt(cfg, rows, split, request) for cfg, rows in groups]
        for split in request.splits
    }
    several = len(suite.splits) > 1
    return [
        Run(seed=seed, folder=folder(work_dir, run, seed, several), **run)
        for seed in request.seeds for split in request.splits
        for run in adapted[split]
    ]


def finished(suite: Suite, work_dir: Path,
             earlier: Sequence[Dict[str, Any]]) -> Tuple[List[int], List[int]]:
    """Seeds and splits of all finished runs, those in earlier results too."""
    records = [run for data in earlier for run in data['runs']]
    for folder in {config_folder(row.config) for row in suite.rows}:
        records += finished_in(work_dir / folder)
    splits = {record['split'] for record in records} & set(suite.splits)
    return sorted({record['seed'] for record in records}), sorted(splits)


def experiments(suite: Suite,
                request: Request) -> List[Tuple[Config, List[Row]]]:
    """The suite's configs, each with all rows that it is the config of.

    Of all rows, whether wanted or not, so that a folder keeps its owner.
    """
    groups = {}
    for row in suite.rows:
        if row.config.is_file():
            cfg = load_config(row.config, request.options)
            groups.setdefault(digest(cfg), (cfg, []))[1].append(row)
    return list(groups.values())


def check_rows_differ(rows: Sequence[Row]) -> None:
    """Refuse rows of one table that are the same experiment.

    Raises:
        BenchmarkError: If two of these, which are, stand in one section.
    """
    seen = {}
    for row in rows:
        twin = seen.setdefault(row.section, row)
        if twin != row:
            raise BenchmarkError(
                f'the configs of {twin.name} and {row.name} ({row.section}) '
                f'say the same: {config_name(twin.config)}, '
                f'{config_name(row.config)}')


def check_folders_differ(configs: Sequence[Path]) -> None:
    """Refuse different experiments whose runs would have one folder.

    Raises:
        BenchmarkError: If two of these configs, which differ, would.
    """
    seen = {}
    for config in configs:
        other = seen.setdefault(config_folder(config), config)
        if other != config:
            raise BenchmarkError(
                f'the runs of {other} and {config} would have the same folder '
                f'{config_folder(config)}; rename one of the configs')


def adapt(cfg: Config, rows: Sequence[Row], split: int,
          request: Request) -> Dict[str, Any]:
    """What a run of these rows is made of, but for seed and folder."""
    splits = split_options(cfg, split)
    train_options = {**splits, **epoch_options(cfg, request.epochs)}
    adapted = copy.deepcopy(cfg)
    adapted.merge_from_dict(train_options)
    return dict(
        rows=tuple(rows),
        config=rows[0].config,
        split=split,
        train_options={**request.options, **train_options},
        test_options={**request.options, **splits, **test_options(cfg)},
        facts=describe(adapted),
        digest=digest(adapted))


def folder(work_dir: Path, run: Dict[str, Any], seed: int,
           several_splits: bool) -> Path:
    """A run's folder: the config's, then split and seed."""
    split = f'split{run["split"]}_' if several_splits else ''
    return work_dir / config_folder(run['config']) / f'{split}seed{seed}'
