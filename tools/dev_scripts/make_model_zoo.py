"""Metafiles, model index and model-zoo page, from configs and results.

    python tools/dev_scripts/make_model_zoo.py

writes ``configs/**/metafile.yml`` from the configs and from the tables of
``docs/results``, ``model-index.yml`` that lists them, and from the metafiles
``docs/model_zoo.md``. ``--check`` writes nothing and exits with status 1 if
one of them would change.
"""
import argparse
import csv
import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))

import _common  # noqa: E402

PAPER = dict(Title='ReSpike: Residual Frames-based Hybrid Spiking Neural '
             'Networks for Efficient Action Recognition',
             URL='https://arxiv.org/abs/2409.01564')
# Folder below configs to its collection and heading.
COLLECTIONS = {
    '.': ('ReSpike', 'ReSpike'),
    'comparison': ('ReSpike comparison', 'Systems it is compared with'),
    'ablations': ('ReSpike ablations', 'Ablations'),
}
# How the name of a config ends, to its data and its split.
DATA = re.compile(r'_(?P<data>k400|ucf101_10_lite|motion_shapes|ucf101|hmdb51)'
                  r'(?:_split(?P<split>\d))?$')
DATASETS = dict(k400='Kinetics-400', ucf101='UCF101', hmdb51='HMDB51',
                ucf101_10_lite='UCF101, ten classes',
                motion_shapes='Motion Shapes')


class Result(NamedTuple):
    """A row of a table of details."""
    table: Path
    row: Dict[str, str]

    def number(self, column: str) -> float:
        """The mean, of ``65.8 ± 2.9``."""
        return float(re.match(r'[\d.]+', self.row[column])[0])


def read_results() -> Dict[str, Result]:
    """Results by config, relative to ``configs``.

    Where two folders have the same, the later name counts.
    """
    results = {}
    for path in sorted(ROOT.glob('docs/results/*/details_*.csv')):
        with path.open(newline='') as file:
            for row in csv.DictReader(file):
                config = row['config'].strip('`')
                results[config] = Result(path, row)
    return results


def networks(model: dict) -> List[str]:
    """The types of its networks."""
    return [model[key]['type'].split('.')[-1]
            for key in ('backbone', 'snn_backbone') if key in model]


def crop_size(pipeline: List[dict]) -> str:
    """Height and width of what the network sees in training."""
    size = ''
    for step in pipeline:
        size = step.get('scale') or step.get('crop_size') or \
            step.get('size') or size
    return 'x'.join(map(str, size if isinstance(size, (list, tuple)) else
                        (size, size)))


def entry(path: Path, collection: str, results: Dict[str, Result]) -> dict:
    """A model of a metafile."""
    from mmengine.config import Config
    cfg = Config.fromfile(path)
    relative = path.relative_to(ROOT / 'configs').as_posix()
    match = DATA.search(path.stem)
    metadata = {
        'Architecture': networks(cfg.model),
        'Batch Size': cfg.train_dataloader.batch_size,
        'Epochs': cfg.train_cfg.max_epochs,
        'Resolution': crop_size(cfg.train_dataloader.dataset.pipeline),
        'Training Data': DATASETS[match['data']],
    }
    model = {'Name': path.stem, 'Config': f'configs/{relative}',
             'In Collection': collection, 'Metadata': metadata,
             'Modality': 'RGB'}
    if relative in results:
        result = results[relative]
        metadata['Parameters'] = f'{result.row["M parameters"]}M'
        model['Results'] = [{
            'Task': 'Action Recognition',
            'Dataset': DATASETS[match['data']],
            'Metrics': {'Top 1 Accuracy': result.number('top-1 %'),
                        'Top 5 Accuracy': result.number('top-5 %')},
        }]
    model['Weights'] = None  # none are published
    return model


def metafile(folder: str, results: Dict[str, Result]) -> str:
    """The metafile of a folder of configs."""
    collection, _ = COLLECTIONS[folder]
    paths = sorted((ROOT / 'configs' / folder).glob('*.py'))
    content = {
        'Collections': [{'Name': collection, 'README': 'README.md',
                         'Paper': PAPER}],
        'Models': [entry(path, collection, results) for path in paths],
    }
    head = '# Made by tools/dev_scripts/make_model_zoo.py.\n'
    return head + yaml.safe_dump(content, sort_keys=False, width=79)


def metafile_path(folder: str) -> str:
    return Path('configs', folder, 'metafile.yml').as_posix()


def model_index() -> str:
    imports = [metafile_path(folder) for folder in COLLECTIONS]
    return yaml.safe_dump(dict(Import=imports), sort_keys=False)


def measured_rows(models: List[dict],
                  results: Dict[str, Result]) -> Iterator[str]:
    """Rows of the models that have results."""
    for model in models:
        for measured in model.get('Results', ()):
            relative = model['Config'].removeprefix('configs/')
            table, row = results[relative]
            page = table.with_suffix('.md').relative_to(ROOT / 'docs')
            yield (f'| [{model["Name"]}](../{model["Config"]}) | '
                   f'{measured["Dataset"]} | {row["top-1 %"]} | '
                   f'{row["top-5 %"]} | {model["Metadata"]["Parameters"]} | '
                   f'{row["seeds"]} | [{page.parent.name}]({page}) |')


def config_rows(models: List[dict]) -> Iterator[str]:
    """A row per system, a column per data set."""
    systems: Dict[str, Dict[str, List[str]]] = {}
    for model in models:
        match = DATA.search(model['Name'])
        cells = systems.setdefault(model['Name'][:match.start()], {})
        name = f'split {match["split"]}' if match['split'] else 'config'
        cells.setdefault(match['data'], []).append(
            f'[{name}](../{model["Config"]})')
    for system, cells in systems.items():
        row = (', '.join(cells.get(data, ())) for data in DATASETS)
        yield f'| `{system}` | {" | ".join(row)} |'


def page(metafiles: Dict[str, str], results: Dict[str, Result]) -> str:
    """The model-zoo page."""
    models = {folder: yaml.safe_load(text)['Models']
              for folder, text in metafiles.items()}
    lines = [
        '# Model zoo', '',
        '<!-- Made by tools/dev_scripts/make_model_zoo.py. -->', '',
        'No weights are published. Accuracies are of the last checkpoint, in '
        'percent, mean', 'and standard deviation over the seeds; see '
        '[benchmark.md](benchmark.md).', '',
        '## Measured', '',
        '| config | data | top-1 | top-5 | parameters | seeds | from |',
        '|---|---|---|---|---|---|---|',
        *measured_rows(sum(models.values(), []), results)
    ]
    for folder, (_, heading) in COLLECTIONS.items():
        lines += ['', f'## {heading}', '',
                  f'| system | {" | ".join(DATASETS.values())} |',
                  '|---' * (1 + len(DATASETS)) + '|',
                  *config_rows(models[folder])]
    return '\n'.join(lines) + '\n'


def make_all() -> Dict[Path, str]:
    """What every generated file should hold."""
    results = read_results()
    metafiles = {folder: metafile(folder, results) for folder in COLLECTIONS}
    files = {ROOT / metafile_path(folder): text
             for folder, text in metafiles.items()}
    files[ROOT / 'model-index.yml'] = model_index()
    files[ROOT / 'docs/model_zoo.md'] = page(metafiles, results)
    return files


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true')
    args = parser.parse_args()
    _common.import_plugin()
    changed = 0
    for path, text in make_all().items():
        if path.exists() and path.read_text(encoding='utf-8') == text:
            continue
        changed += 1
        print(f'{path.relative_to(ROOT)} '
              f'{"is out of date" if args.check else "written"}')
        if not args.check:
            path.write_text(text, encoding='utf-8')
    return int(args.check and changed > 0)


if __name__ == '__main__':
    sys.exit(main())
