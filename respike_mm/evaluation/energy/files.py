"""Energy reports as files."""
import csv
import json
import os
from pathlib import Path
from typing import List

from .markdown import to_markdown
from .plots import plot_report
from .report import EnergyReport


def save_report(report: EnergyReport, stem: Path, title: str) -> List[Path]:
    """Write ``stem.json``, ``.md``, ``.csv`` and ``.png``.

    The JSON file comes last and in one step: where it is, all are complete.

    Args:
        report: What to write.
        stem: Path without suffix; its folder is created.
        title: Heading of the Markdown file and of the plot.

    Returns:
        The files written.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    # Not ``with_suffix``: a dot in the name starts no suffix.
    paths = [
        stem.with_name(stem.name + suffix)
        for suffix in ('.json', '.md', '.csv', '.png')
    ]
    paths[1].write_text(f'# {title}\n\n{to_markdown(report)}')
    rows = report.layer_rows()
    with paths[2].open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    plot_report(report, paths[3], title)
    part = stem.with_name(f'.{stem.name}.json.part')
    part.write_text(json.dumps(report.to_dict(), indent=1) + '\n')
    os.replace(part, paths[0])
    return paths
