import pytest
import torch
from spiking_checks import (ReferenceNeuron, check_clips, check_gradients,
                            settle)

from respike_mm.models import SNNResNet
from respike_mm.models.backbones.snn_resnet import SNNBasicBlock

NEURON = dict(type='LIFNeuron', tau=2., decay_input=False)


def network(**options):
    torch.manual_seed(0)
    return SNNResNet(base_channels=4, num_steps=4, **options)


def spike_train(*shape):
    return torch.bernoulli(torch.full(shape, 0.3))


def block(stride=1, channels=4, neuron=NEURON):
    """A block whose convolutional branch gives nothing."""
    torch.manual_seed(0)
    block = SNNBasicBlock(4, channels, stride, 'strided', neuron,
                          dict(type='BN2d'), 'per_step').eval()
    torch.nn.init.zeros_(block.conv2.norm.weight)
    return block


def reference_network(net, clip):
    """The network one frame after another, neurons written by hand."""

    def neuron():
        return ReferenceNeuron(decay=0.5, gain=1., threshold=1.)

    def conv_norm(part, x):
        return part.norm(part.conv(x))

    blocks = [b for i in range(1, 5) for b in getattr(net, f'layer{i}')]
    neurons = [(neuron(), neuron()) for _ in blocks]
    stem_neuron, outputs = neuron(), []
    for frame in clip:
        x = stem_neuron(conv_norm(net.stem, frame[None]))
        for part, (first, second) in zip(blocks, neurons):
            out = conv_norm(part.conv2, first(conv_norm(part.conv1, x)))
            if part.conv1.conv.stride == (2, 2):
                x = conv_norm(part.shortcut, x)
            x = second(out + x)
        outputs.append(x[0])
    return torch.stack(outputs)


def test_equals_the_frame_by_frame_reference():
    net = settle(network().double(), torch.randn(16, 3, 32, 32).double())
    clips = torch.randn(2, 4, 3, 32, 32, dtype=torch.float64)
    out = net(clips.flatten(0, 1)).unflatten(0, (2, 4))
    assert 0.05 < out.mean() < 0.95
    for clip, spikes in zip(clips, out):
        torch.testing.assert_close(
            spikes, reference_network(net, clip), rtol=0, atol=0)


def test_spikes_enter_and_leave_every_block():
    net = settle(network(), torch.randn(16, 3, 32, 32))
    seen = []
    for module in net.modules():
        if isinstance(module, SNNBasicBlock):
            module.register_forward_hook(
                lambda _, args, out: seen.extend([args[0], out]))
    out = net(torch.randn(8, 3, 32, 32))
    assert len(seen) == 2 * 8
    assert all(set(x.unique().tolist()) == {0., 1.} for x in seen)
    assert out.unique().tolist() == [0, 1]


def test_shortcut_passes_spikes_on():
    """V <- 0.5 V + X, threshold 1: without a branch, spikes in, spikes out."""
    x = spike_train(6, 2, 4, 5, 5)
    torch.testing.assert_close(block()(x), x, rtol=0, atol=0)


def test_shortcut_goes_through_the_neuron():
    """V <- 0.25 V + 0.75 X: two spikes in a row stay below the threshold."""
    x = spike_train(6, 2, 4, 5, 5)
    out = block(neuron=dict(type='LIFNeuron', v_threshold=0.9))(x)
    expected = ReferenceNeuron(0.25, 0.75, 0.9).run(x)
    torch.testing.assert_close(out, expected, rtol=0, atol=0)
    assert 0 < out.sum() < x.sum()
    assert block(neuron=dict(type='LIFNeuron'))(x).sum() == 0


def test_projection_takes_spikes():
    down = block(stride=2, channels=6)
    x = spike_train(6, 2, 4, 7, 7)
    weight = down.shortcut.conv.weight[:, :, 0, 0]
    down.shortcut.norm.eps = 1e-30  # 0 is refused by torch 2.11
    current = torch.einsum('oc,snchw->snohw', weight, x[..., ::2, ::2])
    torch.testing.assert_close(
        down(x), ReferenceNeuron(0.5, 1., 1.).run(current))


@pytest.mark.parametrize('stem', ['conv3x3', 'conv7x7'])
@pytest.mark.parametrize('shortcut', ['avgpool', 'strided'])
def test_every_parameter_gets_a_gradient(stem, shortcut):
    net = network(stem=stem, shortcut=shortcut)
    check_gradients(net, torch.randn(16, 3, 32, 32) * 2)


def test_clips():
    net = settle(network(), torch.randn(16, 3, 64, 64))
    check_clips(net, torch.randn(2, 4, 3, 64, 64))


@pytest.mark.parametrize('size, width', [(64, 2), (96, 3), (112, 4), (200, 7),
                                         (224, 7)])
def test_any_input_size(size, width):
    net = SNNResNet(base_channels=2, num_steps=1).eval()
    out = net(torch.randn(1, 3, size, size))
    assert out.shape == (1, 16, width, width)


def test_stages_fit_the_hybrid():
    """Stage by stage, as HybridReSpike drives a spiking backbone."""
    net = settle(network(), torch.randn(16, 3, 32, 32))
    x = torch.randn(4, 2, 3, 32, 32)
    out = net.forward_stem(x)
    for stage in range(4):
        out = net.forward_stage(out, stage)
        assert out.shape[2] == net.stage_channels[stage]
    torch.testing.assert_close(out, net(x))


def test_zero_init_residual_starts_with_the_shortcuts():
    net = network(zero_init_residual=True)
    net.init_weights()
    x = spike_train(4, 2, 4, 6, 6)
    torch.testing.assert_close(net.layer1[1](x), x, rtol=0, atol=0)


def test_bad_options():
    with pytest.raises(ValueError, match='SNNResNet: depth must be one of'):
        SNNResNet(depth=50)
    with pytest.raises(TypeError):
        SNNResNet(width=4)
    with pytest.raises(ValueError, match='5 frames.*num_steps=4'):
        network()(torch.zeros(5, 3, 32, 32))


def test_floats_may_enter_a_block():
    """Behind a fusion block: kept as bytes they would lose their fraction."""
    unit = block()
    x = torch.full((3, 2, 4, 8, 8), 0.5)
    unit.conv1(x).sum().backward()
    grad = unit.conv1.conv.weight.grad
    unit.zero_grad()
    unit.conv1(2 * x).sum().backward()
    torch.testing.assert_close(unit.conv1.conv.weight.grad, 2 * grad)
    assert grad.abs().min() > 0
