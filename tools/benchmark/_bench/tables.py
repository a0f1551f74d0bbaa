"""The paper's tables from our results, each figure beside the paper's."""
import csv
import io
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from . import paper
from .claims import Verdict
from .summary import mean_energy, rows_of, splits_of, summarise
from .suite import SYSTEMS

Results = Dict[str, Any]  # of one data set, as results.collect makes them
RULES = ('paper', 'strict')  # of counting energy
BAR = r'\|'  # in Markdown
STALE_NOTE = '† The config has changed since this run.'
# Model, attention and input of the ablations (section 5.3).
ABLATIONS = dict(
    E1=('ANN', '', 'all frames'),
    E2=('SNN', '', 'all frames'),
    E3=('hybrid', 'yes', 'all frames'),
    E4=('ANN', '', 'key'),
    E5=('ANN', '', 'residual'),
    E6=('SNN', '', 'residual'),
    E7=('SNN', '', 'key'),
    E8=('hybrid', 'no', 'key + residual'),
    E9=('hybrid', 'yes', 'key + residual'))


class Table(NamedTuple):
    """A table of text."""
    name: str  # of its files
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As a Markdown table."""
        lines = [self.columns, ['---'] * len(self.columns), *self.rows]
        # A bar in a name is no border of a cell.
        text = ''.join(
            f'| {" | ".join(x.replace("|", BAR) for x in line)} |\n'
            for line in lines)
        return text + (f'\n{STALE_NOTE}\n' if '†' in text else '')

    def csv(self) -> str:
        """As comma-separated values."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerows([self.columns, *self.rows])
        return text.getvalue()


def all_tables(datasets: Sequence[Results]) -> List[Table]:
    """Every table for which there are runs."""
    tables = [
        systems_table(datasets),
        depth_table(datasets),
        ablation_table(datasets),
        stride_table(datasets), *map(details_table, datasets)
    ]
    return [table for table in tables if table.rows]


def systems_table(datasets: Sequence[Results]) -> Table:
    """Table 1: all systems by section."""
    rows = []
    for section in SYSTEMS:
        rows += [[section, name, *cells]
                 for name, cells in section_cells(datasets, section)]
    return Table('table1', 'Systems (paper: tables 1 and 3)',
                 ['section', 'system', *value_columns(datasets)], rows)


def depth_table(datasets: Sequence[Results]) -> Table:
    """Table 2: ReSpike at stride 2 on ANNs of different depth."""
    rows = []
    for name, cells in section_cells(datasets, 'Depth'):
        runs = [run for data in datasets
                for run in rows_of(data['runs'], 'Depth').get(name, [])]
        macs = mean_energy(runs, 'paper', 'macs')
        rows.append([
            name,
            number(macs and macs / 1e9),
            number(paper.depth_gmacs(name)), *cells
        ])
    return Table('table2', 'ReSpike (s=2) by ANN (paper: table 2)',
                 ['ANN', 'GMACs', 'paper', *value_columns(datasets)], rows)


def ablation_table(datasets: Sequence[Results]) -> Table:
    """E1 to E9."""
    rows = [[name, *ABLATIONS.get(name, [''] * 3), *cells]
            for name, cells in section_cells(datasets, 'Ablation')]
    return Table(
        'ablation', 'Ablations (paper: section 5.3)',
        ['id', 'model', 'attention', 'input', *value_columns(datasets)], rows)


def stride_table(datasets: Sequence[Results]) -> Table:
    """ReSpike by key-frame stride."""
    rows = [[name, *cells]
            for name, cells in section_cells(datasets, 'Stride')]
    return Table('stride', 'ReSpike by key-frame stride (paper: figure 5)',
                 ['stride', *value_columns(datasets)], rows)


def section_cells(datasets: Sequence[Results],
                  section: str) -> Iterable[Tuple[str, List[str]]]:
    """Names of a section's rows, each with its cells for every data set."""
    names = dict.fromkeys(name for data in datasets
                          for name in rows_of(data['runs'], section))
    for name in names:
        yield name, [cell for data in datasets
                     for cell in value_cells(data, section, name)]


def value_cells(data: Results, section: str, name: str) -> List[str]:
    """Accuracy and energy of a row on one data set, and the paper's."""
    runs = rows_of(data['runs'], section).get(name, [])
    ours = summarise(runs, 'top1', splits_of(data['runs']))
    key = runs[0]['paper'] if runs else name
    cells = [
        str(ours or ''),
        number(paper.accuracy(section, key, data['paper']))
    ]
    if has_energy(data):
        cells += [number(mean_energy(runs, rule, 'energy_mj'), 2)
                  for rule in RULES]
        if paper.has_energy(data['title']):
            cells.append(number(paper.energy(section, key, data['title']), 2))
    return cells


def value_columns(datasets: Sequence[Results]) -> List[str]:
    """The heads of ``value_cells``.

    Where the paper's accuracy is for another data set, its head says so.
    """
    columns = []
    for data in datasets:
        same = data['paper'] in (None, data['title'])
        columns += [
            f'{data["title"]} top-1 %',
            'paper' if same else f'paper, {data["paper"]}'
        ]
        if has_energy(data):
            columns += [f'mJ, {rule} rule' for rule in RULES]
            columns += ['paper mJ'] * paper.has_energy(data['title'])
    return columns


def has_energy(data: Results) -> bool:
    """Whether energy was measured in any run of a data set."""
    return any(run['energy'] for run in data['runs'])


def details_table(data: Results) -> Table:
    """What stands behind the other tables' figures."""
    columns = [
        'section', 'row', 'config', 'M parameters', 'epochs', 'batch',
        'precision', 'test crop', 'clips x crops', 'seeds', 'top-1 %',
        'top-5 %', 'mean class %', 'clip top-1 %', 'training'
    ]
    splits, rows = splits_of(data['runs']), []
    for section in dict.fromkeys(run['section'] for run in data['runs']):
        for name, runs in rows_of(data['runs'], section).items():
            views = [f'{run["clips"]} x {run["crops"]}' for run in runs]
            rows.append([
                section, name, f'`{runs[0]["config"]}`',
                *(one_or_all(f'{run["parameters"] / 1e6:.2f}'
                             for run in runs), ),
                *(one_or_all(run[key] for run in runs)
                  for key in ('epochs', 'batch_size')),
                # Records of before it was noted have none.
                one_or_all(run.get('precision', '') for run in runs),
                one_or_all(run['crop'] for run in runs),
                one_or_all(views),
                one_or_all((run['seed'] for run in runs), ' '),
                *(short(summarise(runs, metric, splits)) for metric in
                  ('top1', 'top5', 'mean_class', 'clip_top1')),
                f'{max(run["train_seconds"] for run in runs) / 60:.0f} min'
            ])
    return Table(f'details_{data["suite"]}', f'{data["title"]}: details',
                 columns, rows)


def claims_table(data: Results, verdicts: Sequence[Verdict]) -> Table:
    """The paper's claims with our verdicts."""
    rows = []
    for verdict in verdicts:
        claim, interval = verdict.claim, verdict.interval
        rows.append([
            claim.text, f'{claim.better} > {claim.worse}', verdict.verdict,
            signed(verdict.difference),
            number(verdict.std),
            f'{interval[0]:+.1f} to {interval[1]:+.1f}' if interval else '',
            str(verdict.pairs or ''),
            signed(verdict.paper)
        ])
    return Table(f'claims_{data["suite"]}', f"{data['title']}: the paper's "
                 'claims', [
                     'claim', 'rows', 'verdict', 'difference', 'std',
                     '95 % interval', 'seeds paired',
                     f'paper, {data["paper"]}'
                 ], rows)


def number(value: Any, digits: int = 1) -> str:
    """A number, or nothing."""
    return '' if value is None else f'{value:.{digits}f}'


def signed(value: Any) -> str:
    """A difference, or nothing."""
    return '' if value is None else f'{value:+.1f}'


def short(summary: Any) -> str:
    """A summary without the numbers of seeds and splits."""
    return str(summary).partition(' (')[0] if summary else ''


def one_or_all(values: Iterable[Any], separator: str = ' / ') -> str:
    """The value that all share, or all values."""
    return separator.join(dict.fromkeys(map(str, values)))
