import pytest
import torch
from tiny_respike import SMALLEST, settled

from respike_mm.deployment import (export_onnx, fold_batch_norm,
                                   load_onnxruntime, quantise_onnx,
                                   quantise_spike_convs, recognizer_graph)
from respike_mm.models.common.spike_conv import SpikeConv2d

for name in ('onnx', 'onnxscript', 'onnxruntime'):
    pytest.importorskip(name)


@torch.no_grad()
def test_as_in_pytorch(tmp_path):
    """The same weights are rounded, and nothing else."""
    model = fold_batch_norm(settled(**SMALLEST))
    torch.manual_seed(0)
    clips = torch.randn(8, 2, 3, 3, 32, 32)
    # A clip at rest: spikes are exact whether the example shows any or not.
    for example, name in ((clips[:2], 'a'), (torch.zeros(2, 2, 3, 3, 32, 32),
                                             'b')):
        graph = recognizer_graph(model, example)
        files = tmp_path / f'{name}.onnx', tmp_path / f'{name}_int8.onnx'
        export_onnx(graph, files[0], opset=20)
        quantise_onnx(graph, *files)
        found = load_onnxruntime(files[1])(dict(segments=clips.numpy()))
        found = torch.from_numpy(found['scores'])
        int8 = quantise_spike_convs(model)
        expected = recognizer_graph(int8, clips).module(clips)
        exact = graph.module(clips)
        assert (found - expected).abs().max() < 1e-5
        assert (expected - exact).abs().max() > 1e-4


def test_other_models_are_refused(tmp_path):
    import onnx
    model = onnx.helper.make_model(onnx.helper.make_graph([], 'g', [], []))
    onnx.save(model, tmp_path / 'x.onnx')
    graph = recognizer_graph(settled(**SMALLEST), None)
    assert any(isinstance(m, SpikeConv2d) for m in graph.module.modules())
    with pytest.raises(ValueError, match='x.onnx has no convolution of'):
        quantise_onnx(graph, tmp_path / 'x.onnx', tmp_path / 'y.onnx')
