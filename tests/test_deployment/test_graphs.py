"""Exported graphs, loaded again, against the network they came from."""
import subprocess
import sys

import numpy as np
import pytest
import torch
from action_samples import score_of
from mmaction.structures import ActionDataSample
from mmengine.runner import checkpoint
from small_respike import MODEL
from tiny_respike import SMALLEST, settled
from torch.utils._pytree import tree_leaves

from respike_mm.deployment import exported_recognizer
from respike_mm.deployment import (ExportedRecognizer, export_onnx,
                                   export_program, key_frame_graph,
                                   load_onnxruntime, load_openvino,
                                   load_program, recognizer_graph,
                                   step_graph)
from respike_mm.models.recognizers.respike_step import ReSpikeStep

OPSET = 20
SIZE = 64  # PyTorch 2.11 fixes the batch where the last map is one cell


def normalised(*shape):
    return torch.randn(*shape, 3, SIZE, SIZE)


@pytest.fixture(scope='module')
def scope():
    from mmengine.registry import init_default_scope
    init_default_scope('mmaction')


@pytest.fixture(scope='module')
def exported(scope, tmp_path_factory):
    """A recognizer, its graphs, and a folder with a file of each."""
    folder = tmp_path_factory.mktemp('exported')
    model = settled(
        cls_head=dict(
            type='ReSpikeHead', num_classes=5, average_clips='prob'),
        **SMALLEST)
    model.cls_head.fc_cls.weight.data *= 0.1  # undecided probabilities
    network = ReSpikeStep(model)
    graphs = dict(
        recognizer=recognizer_graph(model, normalised(2, 2, 3)),
        key_frame=key_frame_graph(network, normalised(2)),
        step=step_graph(network, normalised(2), normalised(2)))
    return model, network, graphs, folder


@pytest.fixture(scope='module')
def onnx_files(exported):
    for name in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(name)
    _, _, graphs, folder = exported
    for name, graph in graphs.items():
        export_onnx(graph, folder / f'{name}.onnx', OPSET)
    return folder


@torch.no_grad()
def test_recognizer_program(exported):
    """Another batch size than the example's; equal to predict's scores."""
    model, _, graphs, folder = exported
    torch.export.save(
        export_program(graphs['recognizer']), folder / 'recognizer.pt2')
    x = normalised(5, 2, 3)
    expected = model(x[:, None], stage='head').softmax(1)
    out = load_program(folder / 'recognizer.pt2')(x)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-5)
    assert expected.std(0).max() > 1e-4


@torch.no_grad()
def test_step_program(exported):
    _, network, graphs, folder = exported
    torch.export.save(export_program(graphs['step']), folder / 'step.pt2')
    key_frame = network.key_frame(normalised(3))
    first, second = normalised(3), normalised(3)
    _, state = network(first, key_frame)
    expected, after = network(second, key_frame, state)
    step = load_program(folder / 'step.pt2')
    logits, *out = step(second, tree_leaves(key_frame), *state)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(out, tree_leaves(after), rtol=0, atol=1e-5)


@pytest.mark.parametrize('load', [load_onnxruntime, load_openvino])
@torch.no_grad()
def test_recognizer_onnx(exported, onnx_files, load):
    if load is load_openvino:
        pytest.importorskip('openvino')
    model = exported[0]
    x = normalised(5, 2, 3)
    expected = model(x[:, None], stage='head').softmax(1).numpy()
    out = load(onnx_files / 'recognizer.onnx')(dict(segments=x.numpy()))
    np.testing.assert_allclose(out['scores'], expected, rtol=0, atol=1e-4)


def test_opset_and_dynamic_batch(onnx_files):
    import onnx
    model = onnx.load(onnx_files / 'recognizer.onnx')
    assert [o.version for o in model.opset_import if not o.domain] == [OPSET]
    axes = model.graph.input[0].type.tensor_type.shape.dim
    assert axes[0].dim_param == 'batch'
    assert [axis.dim_value for axis in axes[1:]] == [2, 3, 3, SIZE, SIZE]
    assert not list(onnx_files.glob('*.data'))  # one file each


@torch.no_grad()
def test_streaming_by_onnx(exported, onnx_files):
    """Two segments frame by frame, the state handed back by the caller."""
    model, _, graphs, _ = exported
    run_key = load_onnxruntime(onnx_files / 'key_frame.onnx')
    run_step = load_onnxruntime(onnx_files / 'step.onnx')
    x = normalised(3, 2, 3)
    state_names = graphs['step'].input_names[-10:]
    examples = tree_leaves(graphs['step'].inputs)[-10:]
    segments = []
    for k in range(2):
        key_frame = run_key(dict(key=x[:, k, 0].numpy()))
        state = {
            name: np.zeros((3, *example.shape[1:]) if example.dim() else (),
                           np.float32)
            for name, example in zip(state_names, examples)
        }
        for t in range(1, 3):
            out = run_step({'residual': x[:, k, t].numpy(), **key_frame,
                            **state})
            state = {name: out[f'next_{name}'] for name in state_names}
        segments.append(out['logits'])
    expected = model(x[:, None], stage='head').numpy()
    np.testing.assert_allclose(
        np.mean(segments, axis=0), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('average_clips', ['prob', None])
@torch.no_grad()
def test_in_place_of_the_recognizer(average_clips, exported, onnx_files,
                                    tmp_path, monkeypatch):
    """Same scores from raw segments of two views, by MMAction2's call."""
    model = exported[0]
    file = onnx_files / 'recognizer.onnx'
    if average_clips is None:
        monkeypatch.setattr(model.cls_head, 'average_clips', None)
        file = tmp_path / 'apart.onnx'
        export_onnx(recognizer_graph(model, normalised(2, 2, 3)), file, OPSET)
    other = ExportedRecognizer(str(file), MODEL['data_preprocessor'])
    frames = torch.randint(
        0, 256, (2, 2, 3, 3, SIZE, SIZE), dtype=torch.uint8)
    found, expected = (
        score_of(m.test_step(
            dict(inputs=[frames], data_samples=[ActionDataSample()]))[0])
        for m in (other, model))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert found.shape == ((2, 5) if average_clips is None else (5, ))
    with pytest.raises(ValueError, match='predict only'):
        other(frames[None].float(), mode='loss')
    with pytest.raises(ValueError, match="one of .*got 'tensorrt'"):
        ExportedRecognizer('x.onnx', MODEL['data_preprocessor'], 'tensorrt')


SIGNALS = '''
import gc, signal, subprocess, sys
import numpy as np
from respike_mm.deployment import load_openvino
signal.signal(signal.SIGCHLD, lambda *args: None)
segments = dict(segments=np.zeros((2, 2, 3, 3, 64, 64), np.float32))
runs = [load_openvino(sys.argv[1]) for _ in range(2)]
for run in runs:
    run(segments)
del runs[0], run
gc.collect()
del runs[0]
gc.collect()
for _ in range(5):
    subprocess.run(['true'])
print('alive')
'''


def test_openvino_leaves_signals_alone(onnx_files):
    """Each core of its own left a freed signal stack to the process."""
    pytest.importorskip('openvino')
    done = subprocess.run(
        [sys.executable, '-c', SIGNALS, str(onnx_files / 'recognizer.onnx')],
        capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, 'alive\n'), done.stderr


def test_a_checkpoint_is_left_out_and_said_so(exported, onnx_files, tmp_path,
                                              monkeypatch):
    """Tools load one; MMEngine would list all its keys as unexpected."""
    said = []
    for module in (exported_recognizer, checkpoint):
        monkeypatch.setattr(module, 'print_log',
                            lambda text, *args, **kwargs: said.append(text))
    file = str(onnx_files / 'recognizer.onnx')
    torch.save(exported[0].state_dict(), tmp_path / 'x.pth')
    other = ExportedRecognizer(file, MODEL['data_preprocessor'])
    checkpoint.load_checkpoint(other, str(tmp_path / 'x.pth'))
    loads, left_out = said
    assert loads.startswith('Loads checkpoint')
    assert left_out.startswith(f'the weights are those of {file};')


def test_missing_runtime_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ModuleNotFoundError, match=r'respike_mm\[deploy\]'):
        load_onnxruntime(tmp_path / 'x.onnx')
