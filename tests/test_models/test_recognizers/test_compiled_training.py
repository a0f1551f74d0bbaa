"""A training step through the compiler: one graph, the same numbers."""
import pytest
import torch
from tiny_respike import SMALLEST, respike

from respike_mm.models.common.checkpointing import CHECKPOINT_LEVELS


@pytest.fixture(autouse=True)
def forgotten_graphs():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def network(**options):
    """In training, its neurons charged enough to fire."""
    model = respike(**SMALLEST, **options).double().train()
    for module in model.snn_backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.bias, 0.4)
    return model


def step(model, forward):
    generator = torch.Generator().manual_seed(1)
    key, residual = (
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in ((2, 3, 32, 32), (3, 2, 3, 32, 32)))
    maps = forward(key, residual)
    sum(m.square().mean() for m in maps).backward()
    return maps


def test_one_graph_and_the_same_numbers():
    eager, compiled = network(), network()
    expected = step(eager, eager.forward_branches)
    forward = torch.compile(
        compiled.forward_branches, backend='aot_eager', fullgraph=True)
    maps = step(compiled, forward)
    for ours, theirs in zip(maps, expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    others = dict(eager.named_parameters())
    gradients = [name for name, p in others.items() if p.grad is not None]
    assert any('snn_backbone.stem' in name for name in gradients)
    for name, param in compiled.named_parameters():
        if name in gradients:
            torch.testing.assert_close(
                param.grad, others[name].grad, rtol=1e-8, atol=1e-12)
    # The running statistics moved as often: once a time step.
    others = dict(eager.named_buffers())
    for name, buffer in compiled.named_buffers():
        torch.testing.assert_close(buffer, others[name], rtol=1e-10, atol=0)


@pytest.mark.parametrize('level', CHECKPOINT_LEVELS)
def test_with_checkpointing(level):
    """In as many graphs as it takes."""
    eager, compiled = network(), network(checkpoint=level)
    expected = step(eager, eager.forward_branches)
    maps = step(compiled,
                torch.compile(compiled.forward_branches, backend='aot_eager'))
    torch.testing.assert_close(maps, expected, rtol=1e-10, atol=1e-12)
    weight = 'snn_backbone.stem.conv.weight'
    torch.testing.assert_close(
        compiled.get_parameter(weight).grad, eager.get_parameter(weight).grad,
        rtol=1e-8, atol=1e-12)
    mean = 'snn_backbone.stem.norm.running_mean'
    torch.testing.assert_close(
        compiled.get_buffer(mean), eager.get_buffer(mean))
