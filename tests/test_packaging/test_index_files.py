"""Index files name what exists, and nothing generated is out of date."""
import runpy
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ('configs', 'configs/comparison', 'configs/ablations')


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def test_generated_files_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    script = runpy.run_path(str(ROOT / 'tools/dev_scripts/make_model_zoo.py'))
    for path, text in script['make_all']().items():
        assert path.read_text() == text, (
            f'{path.relative_to(ROOT)} is out of date: run '
            'python tools/dev_scripts/make_model_zoo.py')


def test_the_index_leads_to_every_config():
    models, collections = [], set()
    for path in read('model-index.yml')['Import']:
        content = read(path)
        collections |= {c['Name'] for c in content['Collections']}
        models += content['Models']
    assert {m['Config'] for m in models} == {
        path.relative_to(ROOT).as_posix() for folder in CONFIGS
        for path in (ROOT / folder).glob('*.py')}
    names = [m['Name'] for m in models]
    assert len(set(names)) == len(names)
    for model in models:
        assert model['In Collection'] in collections
        assert model['Modality'] == 'RGB'
        metadata = model['Metadata']
        assert metadata['Batch Size'] > 0 and metadata['Epochs'] > 0
        assert metadata['Architecture'] and metadata['Training Data']


def test_results_are_those_of_the_tables():
    """Read here by other means than the script's."""
    import csv
    measured = {}
    # Of rows in two folders the later name's count.
    for path in sorted(ROOT.glob('docs/results/*/details_*.csv')):
        for row in csv.DictReader(path.open()):
            measured[f'configs/{row["config"][1:-1]}'] = row['top-1 %']
    found = {}
    for path in read('model-index.yml')['Import']:
        for model in read(path)['Models']:
            for result in model.get('Results', ()):
                found[model['Config']] = result['Metrics']['Top 1 Accuracy']
    assert found == {config: float(text.split(' ')[0].rstrip('†'))
                     for config, text in measured.items()}
    page = (ROOT / 'docs/model_zoo.md').read_text()
    assert all(text in page for text in measured.values())


@pytest.mark.parametrize('name, entry', read('dataset-index.yml').items())
def test_data_sets_have_a_script(name, entry):
    assert (ROOT / entry['script']).is_file()
    assert entry['data_root'] == f'data/{name}'


def test_mmengine_lists_the_models():
    from mmengine.infer import BaseInferencer

    from respike_mm.shipped_files import shipped
    folder = shipped('model-index.yml').parent
    models = list(BaseInferencer._get_models_from_metafile(str(folder)))
    assert 'respike_r50_k400' in {model['Name'] for model in models}
