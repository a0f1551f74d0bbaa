"""Energy reports as Markdown."""
from collections import defaultdict
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple

from .report import EnergyReport, LayerEnergy
from .rules import Charge


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ['| ' + ' | '.join(header) + ' |', '|---' * len(header) + '|']
    lines += ['| ' + ' | '.join(row) + ' |' for row in rows]
    return '\n'.join(lines) + '\n'


def _number(value: float) -> str:
    """Six significant digits, without exponents where readable."""
    return f'{value:.6g}'


def _giga(value: float) -> str:
    return f'{value / 1e9:.4f}'


def totals_table(report: EnergyReport) -> str:
    """Branches and total under every rule."""
    header = ['branch']
    for rule in report.rules:
        header += [f'{rule}: G MAC', f'{rule}: G SyOP', f'{rule}: mJ']
    branches = {**report.branches, '**total**': report.totals()}
    rows = []
    for name, totals in branches.items():
        row = [name]
        for rule in report.rules:
            row += [_giga(totals[rule]['macs']), _giga(totals[rule]['syops']),
                    f'{totals[rule]["energy_mj"]:.4f}']
        rows.append(row)
    return table(header, rows)


def operations_table(report: EnergyReport) -> str:
    """What every rule charges or leaves out, by branch and operation."""
    groups: Dict[Tuple[str, str, str], List[LayerEnergy]] = defaultdict(list)
    for layer in report.layers:
        record = layer.record
        groups[record.branch, record.op, record.kind].append(layer)
    reasons: List[str] = []
    rows = []
    for (branch, op, kind), layers in groups.items():
        row = [branch, op, kind, str(len(layers))]
        for rule in report.rules:
            charges = [layer.charges[rule] for layer in layers]
            row.append(_treatment(report, charges, reasons))
        rows.append(row)
    text = table(['branch', 'operation', 'input', 'layers'] +
                 [f'{rule}: mJ' for rule in report.rules], rows)
    notes = [f'{i}. {reason}\n' for i, reason in enumerate(reasons, 1)]
    return text + '\n' + ''.join(notes)


def _treatment(report: EnergyReport, charges: Sequence[Charge],
               reasons: List[str]) -> str:
    """Energy, or the numbers of the reasons for leaving layers out."""
    excluded = [charge.excluded for charge in charges if charge.excluded]
    notes = []
    for reason in dict.fromkeys(excluded):
        if reason not in reasons:
            reasons.append(reason)
        notes.append(f'({reasons.index(reason) + 1})')
    if len(excluded) == len(charges):
        return 'excluded ' + ' '.join(notes)
    text = _number(report.millijoules(charges))
    if excluded:
        text += f', {len(excluded)} layers excluded {" ".join(notes)}'
    return text


def layers_table(report: EnergyReport) -> str:
    """Weighted sums and neurons, layer by layer."""
    rows = []
    for row in report.layer_rows():
        if not row['input'] and row['op'] != 'neuron':
            continue
        rates = ['' if row[name] is None else f'{row[name]:.4f}'
                 for name in ('rate', 'rate_summed')]
        rows.append([
            f'`{row["name"]}`', row['op'], row['input'],
            _number(row['macs'] / 1e6), *rates,
            _number(row['accumulates'] / 1e6)
        ] + [
            _number(row[f'{rule}_energy_mj']) for rule in report.rules
        ])
    header = ['layer', 'operation', 'input', 'dense M MAC', 'rate per step',
              'rate summed over time', 'M accumulates']
    return table(header + [f'{rule}: mJ' for rule in report.rules], rows)


def _header(report: EnergyReport) -> str:
    measured = report.measurement
    text = (f'Per clip, mean over {measured.clips} clips of '
            f'{measured.samples} samples. A rate is spikes per neuron (per '
            'input element of a layer).\n')
    if measured.input_shapes:
        shapes = ', '.join(' x '.join(map(str, shape))
                           for shape in sorted(measured.input_shapes))
        text += f'\nInput of a sample, all clips and crops: {shapes}.\n'
    if report.warning:
        text += f'\n**Warning:** {report.warning}.\n'
    return text


def to_markdown(report: EnergyReport) -> str:
    """Totals, treatment of every operation, layers, and what is left out."""
    parts = [_header(report), totals_table(report), '## Operations\n',
             operations_table(report)]
    unknown = report.unknown_rows()
    if unknown:
        parts += ['## Unknown operations\n',
                  'They ran and are in none of the figures.\n',
                  table(['operation', 'calls', 'layers'],
                        [[f'`{row["op"]}`', str(row['calls']),
                          ', '.join(f'`{x}`' for x in row['layers'])]
                         for row in unknown])]
    parts += ['## Layers\n', layers_table(report), '## Not charged\n',
              'Data movement, without arithmetic: '
              f'{_calls(report.measurement.moved)}.\n',
              "Arithmetic outside the model's modules, not the model's: "
              f'{_calls(report.measurement.outside)}.\n']
    return '\n'.join(parts)


def _calls(counts: Mapping[str, int]) -> str:
    return ', '.join(f'{op} ({n})' for op, n in sorted(counts.items())) \
        or 'none'
