import importlib

import pytest

from respike_mm.deployment import load_onnxruntime, runtimes


@pytest.mark.parametrize('load, name, extra', [
    (load_onnxruntime, 'onnxruntime', 'deploy'),
    # Uncached, as another test may have made the core of the process.
    (lambda path: runtimes._openvino_core.__wrapped__(), 'openvino',
     'openvino'),
])
def test_a_missing_runtime_names_its_extra(load, name, extra, monkeypatch):

    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, 'import_module', missing)
    with pytest.raises(ModuleNotFoundError,
                       match=rf'^{name} is not .*"respike_mm\[{extra}\]"$'):
        load('recognizer.onnx')
