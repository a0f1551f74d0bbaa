"""Rows of a benchmark as JSON, Markdown and a plot."""
import json
import re
from pathlib import Path
from typing import Dict, List

COLUMNS = {
    'system': '{system}',
    **{name: f'{{{name}}}'
       for name in ('frames', 'stride', 'batch', 'crop', 'depth')},
    'CPU s': '{cpu_s:.3f} ({cpu_s_min:.3f} - {cpu_s_max:.3f})',
    'wall s': '{wall_s:.3f} ({wall_s_min:.3f} - {wall_s_max:.3f})',
    'speed': '{speed:.2f}x',
    'clips/s': '{clips_per_s:.2f}',
    'roofline': '{roofline:.0%}',
    'kernels': '{kernels}',
    'saved MiB/clip': '{saved_mib:.0f}',
    'peak MiB/clip': '{peak_mib:.0f}',
    'largest batch': '{largest_batch}',
}


def table(columns: List[str], rows: List[List[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ['---'] * len(columns), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def filled(forms: Dict[str, str], rows: List[Dict]) -> str:
    """A table without what was not measured: a column, or a row's cell."""
    keys = {name: re.match(r'\{(\w+)', form)[1]
            for name, form in forms.items()}
    shown = [name for name, key in keys.items()
             if any(key in row for row in rows)]
    return table(shown, [[
        forms[name].format(**row) if keys[name] in row else ''
        for name in shown
    ] for row in rows])


def to_markdown(report: Dict) -> str:
    """Table of systems; then one of modules for each that has any."""
    rows = report['rows']
    text = (f'`{report["command"]}`\n\n{report["description"]}:\n\n'
            f'{filled(COLUMNS, rows)}')
    for row in rows:
        if 'modules' in row:
            forms = dict(
                module='{module}',
                saved='{saved_mib:.1f}',
                peak='{peak_mib:.1f}')
            parts = [dict(module=name or '(whole step)', **sizes)
                     for name, sizes in row['modules'].items()]
            text += (f'\n`{row["system"]}`, MiB a clip (peak: of the whole '
                     f'step while the module runs):\n\n'
                     f'{filled(forms, parts)}')
    return text


def write(report: Dict, text: str, out: Path) -> None:
    """``out.json`` with the report and ``out.md`` with its text."""
    out.parent.mkdir(parents=True, exist_ok=True)
    Path(f'{out}.json').write_text(json.dumps(report, indent=1) + '\n')
    Path(f'{out}.md').write_text(text)


def plot(report: Dict, swept: str, out: Path) -> None:
    """``out.png``: what was measured against the option of the sweep."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    rows = report['rows']
    quantities = dict(
        cpu_s='CPU s a step', saved_mib='saved MiB/clip',
        peak_mib='peak MiB/clip')
    quantities = {k: v for k, v in quantities.items() if k in rows[0]}
    figure, axes = plt.subplots(
        1, len(quantities), figsize=(4 * len(quantities), 3), squeeze=False,
        layout='constrained')
    for axis, (key, label) in zip(axes[0], quantities.items()):
        for system in dict.fromkeys(row['system'] for row in rows):
            points = [(row[swept], row[key])
                      for row in rows if row['system'] == system]
            axis.plot(*zip(*sorted(points)), marker='o', label=system)
        top = 1.1 * max(row[key] for row in rows)
        axis.set(xlabel=swept, ylabel=label, ylim=(0, top))
    axes[0][0].legend(fontsize='small')
    figure.savefig(f'{out}.png', dpi=120)
    plt.close(figure)
