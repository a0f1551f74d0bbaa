"""Table of finished runs: final accuracy over seeds, from MMEngine's logs.

    python tools/analysis_tools/summarise_runs.py work_dirs/a work_dirs/b \\
        --out docs/results/name

reads each work dir's newest run and writes ``name.json`` and ``name.md``.
Runs of one config are one row; the accuracy is that of the last validation,
not of the best one, which would be chosen on the test clips.
"""
import argparse
import json
import statistics
from pathlib import Path
from typing import Dict, List

from mmengine.config import Config


def read_run(work_dir: Path) -> dict:
    """Config name, seed, epochs and last accuracy of the newest training.

    Raises:
        SystemExit: If the folder holds no training with a validation.
    """
    configs = sorted(work_dir.glob('*.py'))
    for log in sorted(work_dir.glob('*/vis_data/scalars.json'), reverse=True):
        records = [json.loads(line) for line in log.read_text().splitlines()]
        scores = [r['acc/top1'] for r in records if 'acc/top1' in r]
        # Testing writes a log of its own, without losses.
        if configs and scores and any('loss' in r for r in records):
            cfg = Config.fromfile(log.with_name('config.py'))
            return dict(
                config=configs[-1].stem,
                seed=cfg.get('randomness', {}).get('seed'),
                epochs=cfg.train_cfg.max_epochs,
                top1=scores[-1])
    raise SystemExit(f'{work_dir}: no run of tools/train.py with a '
                     'validation in it')


def tabulate(runs: List[dict]) -> List[Dict]:
    """Mean and standard deviation of every config's runs, in given order."""
    rows = []
    for config in dict.fromkeys(run['config'] for run in runs):
        group = [run for run in runs if run['config'] == config]
        top1 = [100 * run['top1'] for run in group]
        rows.append(
            dict(
                config=config,
                epochs=group[0]['epochs'],
                seeds=[run['seed'] for run in group],
                top1=[round(value, 2) for value in top1],
                mean=round(statistics.mean(top1), 2),
                std=round(statistics.stdev(top1), 2) if top1[1:] else None))
    return rows


def to_markdown(rows: List[dict]) -> str:
    lines = ['| config | epochs | runs | top-1 % |', '|---|---|---|---|']
    for row in rows:
        spread = '' if row['std'] is None else f' ± {row["std"]:.1f}'
        lines.append(f'| `{row["config"]}` | {row["epochs"]} | '
                     f'{len(row["top1"])} | {row["mean"]:.1f}{spread} |')
    return '\n'.join(lines) + '\n'


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dirs', nargs='+', type=Path)
    parser.add_argument('--out', type=Path, help='path without suffix')
    args = parser.parse_args()
    rows = tabulate([read_run(path) for path in args.work_dirs])
    table = to_markdown(rows)
    print(table, end='')
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix('.json').write_text(
            json.dumps(rows, indent=1) + '\n')
        args.out.with_suffix('.md').write_text(table)


if __name__ == '__main__':
    main()
