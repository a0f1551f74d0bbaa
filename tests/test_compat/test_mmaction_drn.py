import importlib
import sys

import pytest
from mmaction.registry import MODELS

NAME = 'mmaction.models.localizers.drn.drn'


@pytest.fixture
def localizers(monkeypatch):
    # This import is what fails in mmaction2 1.2.0 without the patch.
    module = importlib.import_module('mmaction.models.localizers')
    for name in (NAME, NAME.rpartition('.')[0]):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(module, 'drn', None, raising=False)
    monkeypatch.setitem(MODELS.module_dict, 'DRN', None)
    del MODELS.module_dict['DRN']
    return module


def test_stand_in_fails_only_when_built(localizers):
    stand_in = importlib.import_module(NAME).DRN

    assert MODELS.get('DRN') is stand_in
    with pytest.raises(NotImplementedError, match='install mmaction2 from'):
        stand_in(vocab_size=1)


def test_a_real_module_goes_first(localizers, tmp_path, monkeypatch):
    package = tmp_path / 'drn'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'drn.py').write_text('class DRN:\n    pass\n')
    monkeypatch.setattr(localizers, '__path__', [str(tmp_path)])

    real = importlib.import_module(NAME)

    assert real.__file__ == str(package / 'drn.py')
    real.DRN()
    assert 'DRN' not in MODELS.module_dict
