import pytest
import torch
from tiny_respike import SMALLEST, settled

from torch import nn

from respike_mm.deployment import (Graph, export_onnx, fold_batch_norm,
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
    graph = recognizer_graph(
        settled(**SMALLEST), torch.zeros(2, 2, 3, 3, 32, 32))
    assert any(isinstance(m, SpikeConv2d) for m in graph.module.modules())
    with pytest.raises(ValueError, match='x.onnx has no operation to'):
        quantise_onnx(graph, tmp_path / 'x.onnx', tmp_path / 'y.onnx')


class TwoProducts(nn.Module):
    """First frame of one pixel: a 1x1 convolution, then a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 1, bias=False)
        self.stem.weight.data = torch.tensor([[0.123, 0., 0.], [0., 1., 0.]
                                              ])[:, :, None, None]
        self.linear = nn.Linear(2, 1, bias=False)
        self.linear.weight.data = torch.tensor([[1.27, 0.104]])

    def forward(self, segments):
        return self.linear(self.stem(segments[:, 0, 0]).flatten(1)[:, None])


def test_ranges_by_hand(tmp_path):
    """Clips give inputs of 0 to 2.55, steps of 0.01; weights, too."""
    def frame(*values):
        return torch.tensor(values).view(1, 1, 1, 3, 1, 1)

    graph = Graph(TwoProducts().eval(), (torch.zeros(2, 1, 1, 3, 1, 1), ),
                  ['segments'], ['scores'])
    files = tmp_path / 'x.onnx', tmp_path / 'x_int8.onnx'
    export_onnx(graph, files[0], opset=20)
    clips = torch.cat([frame(0., 0., 0.), frame(1., 2.55, 0.)])
    quantise_onnx(graph, *files, clips)
    run = load_onnxruntime(files[1])

    def score(*values):
        return run(dict(segments=frame(*values).numpy()))['scores'].item()

    # 0.123 is a weight of the stem, which stays, but an input of the other.
    assert score(1., 0., 0.) == pytest.approx(0.12 * 1.27, abs=1e-6)
    assert score(0., 1.006, 0.) == pytest.approx(1.01 * 0.10, abs=1e-6)
    assert score(0., 9., 0.) == pytest.approx(2.55 * 0.10, abs=1e-6)


@torch.no_grad()
def test_all_products(tmp_path):
    """Those that read frames stay; scores stay near those of float32."""
    import onnx
    model = fold_batch_norm(settled(**SMALLEST))
    torch.manual_seed(0)
    clips = torch.randn(8, 2, 3, 3, 32, 32)
    graph = recognizer_graph(model, clips)  # the same: no other meaning
    files = [tmp_path / f'{name}.onnx' for name in ('x', 'spikes', 'all')]
    export_onnx(graph, files[0], opset=20)
    quantise_onnx(graph, *files[:2])
    # Seven bits: the test machine may have no VNNI.
    quantise_onnx(graph, files[0], files[2], clips, weight_bits=7)
    kept = {}
    for file in files:
        nodes = onnx.load(file).graph.node
        left = {i.name for i in onnx.load(file).graph.initializer}
        kept[file.stem] = {
            n.input[1] for n in nodes
            if n.op_type in ('Conv', 'MatMul') and n.input[1] in left}
    assert kept['all'] == {
        'model.backbone.stage0.0.weight',
        'model.snn_backbone.stem.conv.weight'}
    assert kept['all'] < kept['spikes'] < kept['x']
    exact, rounded = (
        torch.from_numpy(
            load_onnxruntime(file)(dict(segments=clips.numpy()))['scores'])
        for file in (files[0], files[2]))
    difference = (exact - rounded).abs().max()
    assert 1e-4 < difference < 0.2 * exact.std()


def test_clips_of_other_sizes(tmp_path):
    model = fold_batch_norm(settled(**SMALLEST))
    graph = recognizer_graph(model, torch.zeros(2, 2, 3, 3, 32, 32))
    export_onnx(graph, tmp_path / 'x.onnx', opset=20)
    for clips in (torch.zeros(4, 2, 4, 3, 32, 32),
                  torch.zeros(0, 2, 3, 3, 32, 32)):
        with pytest.raises(ValueError, match=r'be \[B, 2, 3, 3, 32, 32\]'):
            quantise_onnx(graph, tmp_path / 'x.onnx', tmp_path / 'y', clips)


@pytest.mark.parametrize('machine, vnni, warns', [
    ('x86_64', False, True), ('x86_64', True, False),
    ('aarch64', False, False)])
def test_weight_bits(tmp_path, monkeypatch, machine, vnni, warns):
    """Seven bits reach from -64 to 64; eight warn where sums saturate."""
    import onnx
    monkeypatch.setattr('platform.machine', lambda: machine)
    monkeypatch.setattr(torch.cpu, '_is_vnni_supported', lambda: vnni)
    said = []
    monkeypatch.setattr('respike_mm.deployment.onnx_int8.print_log',
                        lambda text, *args, **kwargs: said.append(text))
    model = fold_batch_norm(settled(**SMALLEST))
    graph = recognizer_graph(model, torch.zeros(2, 2, 3, 3, 32, 32))
    export_onnx(graph, tmp_path / 'x.onnx', opset=20)
    largest = {}
    for bits in (7, 8):
        said.clear()
        quantise_onnx(graph, tmp_path / 'x.onnx', tmp_path / 'y.onnx',
                      weight_bits=bits)
        assert ('no VNNI' in str(said)) == (warns and bits == 8)
        weights = [
            onnx.numpy_helper.to_array(i)
            for i in onnx.load(tmp_path / 'y.onnx').graph.initializer
            if i.data_type == onnx.TensorProto.INT8
            and len(i.dims) == 4]
        largest[bits] = max(abs(w.astype(int)).max() for w in weights)
    assert largest == {7: 64, 8: 127}
    with pytest.raises(ValueError, match='must be 7 or 8, got 4'):
        quantise_onnx(graph, tmp_path / 'x.onnx', tmp_path / 'y.onnx',
                      weight_bits=4)
