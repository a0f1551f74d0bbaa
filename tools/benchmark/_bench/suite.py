"""A suite: which systems are compared on one data set.

A suite is a small YAML file::

    title: UCF-101                    # the data set, as tables call it
    rows: [shared, full]              # files in rows/, or beside the suite
    names: {data: ucf101}             # what replaces {data} in config paths
    splits: [1, 2, 3]                 # that the data set has; default [1]
    skip: [AdaScan*, Stride]          # rows or sections; default none
    paper: UCF-101                    # column of paper.yaml; default none

and a file of rows maps section to name to config, relative to ``configs/``.
"""
import difflib
import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import yaml

from .errors import BenchmarkError
from .files import BENCHMARK, CONFIGS

# In the order of the tables.
SYSTEMS = ('2D ANN', '3D ANN', 'SNN', 'ReSpike')  # the paper's table 1
SECTIONS = (*SYSTEMS, 'Depth', 'Ablation', 'Stride')
STRIDE = re.compile(r's=[1-9]\d*')  # a row's name; figures need the number
KEYS = {'title', 'rows', 'names', 'splits', 'skip', 'paper'}


class Row(NamedTuple):
    """One line of a table."""
    section: str
    name: str
    config: Path
    paper: str  # the paper's name of it


class Suite(NamedTuple):
    """The systems that are compared on one data set."""
    name: str
    title: str
    rows: Tuple[Row, ...]
    splits: Tuple[int, ...]
    paper: Optional[str]  # the paper's column


def load_suite(name: str) -> Suite:
    """Read a suite.

    Args:
        name: One of those in ``suites/``, or the path of a YAML file.

    Raises:
        BenchmarkError: If there is no such suite or it is malformed.
    """
    path = find_suite(name)
    content = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    unknown, missing = set(content) - KEYS, {'title', 'rows'} - set(content)
    if unknown or missing:
        raise BenchmarkError(
            f'{path}: ' + '; '.join(
                [f'unknown key {key!r}' for key in sorted(unknown)] +
                [f'key {key!r} is missing' for key in sorted(missing)]))
    rows = [
        row for name in content['rows'] for row in load_rows(
            rows_file(path, name), content.get('names', {}))
    ]
    names = [(row.section, row.name) for row in rows]
    for section, name in names:
        if names.count((section, name)) > 1:
            raise BenchmarkError(f'{path}: {section} has several rows named '
                                 f'{name}; tables hold one, rename the others')
    skipped = matching(rows, content.get('skip', []), f'{path}: skip')
    rows = sorted((row for row in rows if row not in skipped),
                  key=lambda row: SECTIONS.index(row.section))
    return Suite(path.stem, str(content['title']), tuple(rows),
                 tuple(content.get('splits', [1])), content.get('paper'))


def matching(rows: Sequence[Row], patterns: Sequence[str],
             where: str) -> List[Row]:
    """The rows whose name or section is meant; patterns such as ``E*`` work.

    Args:
        rows: To choose from.
        patterns: Names, in any case.
        where: For the error: what the patterns belong to.

    Raises:
        BenchmarkError: If a pattern matches nothing.
    """
    chosen = []
    for pattern in patterns:
        hits = [
            row for row in rows if any(
                fnmatch(text.lower(), pattern.lower())
                for text in (row.name, row.section))
        ]
        if not hits:
            names = dict.fromkeys(row.name for row in rows)
            raise BenchmarkError(f'{where} {pattern}: no such row; there are '
                                 + ', '.join(names))
        chosen += hits
    return chosen


def find_suite(name: str) -> Path:
    """The file of a suite that is named, or given by its path."""
    if name.endswith(('.yaml', '.yml')):
        path, known = Path(name), None
    else:
        path = BENCHMARK / 'suites' / f'{name}.yaml'
        known = sorted(p.stem for p in path.parent.glob('*.yaml'))
    if not path.is_file():
        raise BenchmarkError(f'no suite {path}' + (
            f'; there are {", ".join(known)}' if known else ''))
    return path


def rows_file(suite: Path, name: str) -> Path:
    """A file of rows: beside the suite, or one of the benchmark's own."""
    for folder in (suite.parent, BENCHMARK / 'rows'):
        path = folder / f'{name}.yaml'
        if path.is_file():
            return path
    raise BenchmarkError(f'{suite}: no file of rows {name}.yaml beside it or '
                         f'in {BENCHMARK / "rows"}')


def load_rows(path: Path, names: Dict[str, str]) -> Tuple[Row, ...]:
    """Read a file of rows.

    Raises:
        BenchmarkError: If a section or a name in braces is not known, or a
            stride is none.
    """
    rows = []
    for section, entries in yaml.safe_load(path.read_text('utf-8')).items():
        if section not in SECTIONS:
            hint = difflib.get_close_matches(section, SECTIONS, n=1)
            raise BenchmarkError(
                f'{path}: unknown section {section!r}; did you mean '
                f'{hint[0] if hint else " or ".join(SECTIONS)}?')
        for name, entry in entries.items():
            if section == 'Stride' and not STRIDE.fullmatch(str(name)):
                raise BenchmarkError(f'{path}: {section}: name the row '
                                     f'{name!r} by its stride, as "s=4"')
            if isinstance(entry, str):
                entry = dict(config=entry)
            try:
                config = entry['config'].format(**names)
            except KeyError as error:
                raise BenchmarkError(
                    f'{path}: {name}: the suite has no `names` entry or the '
                    f'row no key {error}') from None
            rows.append(
                # Without "..", which would lead out of the runs' folder too.
                Row(section, str(name), Path(os.path.abspath(CONFIGS / config)),
                    str(entry.get('paper', name))))
    return tuple(rows)
