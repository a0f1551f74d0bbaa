from pathlib import Path

import pytest

CONSTRAINTS = Path(__file__).resolve().parents[2] / 'constraints.txt'


@pytest.fixture
def matrix(tool):
    return tool('compat_matrix.py')


def test_replaces_pins(matrix):
    text = '# torch==1\ntorch==2.15.0\ntorchvision==0.29.2\n'
    assert matrix['constraints_with'](text, {'torch': '2.11.0'}) == \
        '# torch==1\ntorch==2.11.0\ntorchvision==0.29.2\n'
    with pytest.raises(ValueError, match='no pin of torc'):
        matrix['constraints_with'](text, {'torc': '1'})


def test_every_row_replaces_what_is_pinned(matrix):
    pinned = CONSTRAINTS.read_text()
    for python, versions in matrix['ROWS'].values():
        assert python in ('3.11', '3.12', '3.13')
        replaced = matrix['constraints_with'](pinned, versions)
        assert all(f'{name}=={version}\n' in replaced
                   for name, version in versions.items())


def test_outcome_is_the_closing_line(matrix, tmp_path, monkeypatch):
    """Whatever is written around pytest's own line."""
    program = tmp_path / 'python'
    program.write_text(
        '#!/bin/sh\necho ..F\necho "1 failed, 2 passed in 3s"\n')
    program.chmod(0o755)
    assert matrix['run_tests'](program, tmp_path / 'log', ['x']) == \
        '1 failed, 2 passed in 3s'


def test_table(matrix):
    versions = dict.fromkeys(('python', *matrix['SHOWN']), '1')
    rows = {'b': dict(versions=versions, tests='all', outcome='2 passed'),
            'a': dict(versions=versions, tests='x', outcome='1 failed')}
    assert matrix['table'](rows).splitlines()[2:] == [
        '| a | 1 | 1 | 1 | 1 | 1 | x | 1 failed |',
        '| b | 1 | 1 | 1 | 1 | 1 | all | 2 passed |']
