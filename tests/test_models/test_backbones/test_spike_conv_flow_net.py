import pytest
import torch
import torch.nn.functional as F
from spiking_checks import ReferenceNeuron, check_clips, check_gradients

from respike_mm.models import SpikeConvFlowNet
from respike_mm.models.backbones.spike_conv_flow_net import \
    backward_differences


def network(num_steps=4):
    torch.manual_seed(0)
    net = SpikeConvFlowNet(num_steps, base_channels=8)
    net.init_weights()
    return net


def coarse_frames(*shape):
    """Noise in patches of 4x4, which survives the pooling."""
    return torch.randn(*shape, 3, 12, 12).repeat_interleave(
        4, dim=-1).repeat_interleave(
            4, dim=-2) * 3


def stream_outputs(net, frames):
    """Outputs of the RGB and of the motion stream, and of the whole."""
    seen = {}
    for name in ('rgb_stream', 'motion_stream'):
        getattr(net, name).register_forward_hook(
            lambda _, args, out, name=name: seen.update({name: out}))
    out = net(frames)
    return seen['rgb_stream'], seen['motion_stream'], out


def reference_network(net, clip):
    """The network one frame after another, neurons written by hand."""
    blocks = [*net.rgb_stream, *net.motion_stream, net.merge]
    neurons = {block: ReferenceNeuron(1., 1., 0.75) for block in blocks}

    def run(block, x, pad):
        x = F.conv2d(x, block.conv.weight, padding=pad)
        return neurons[block](F.avg_pool2d(x, 2))

    outputs, last = [], clip[0]
    for frame in clip:
        rgb, motion, last = frame[None], (frame - last)[None], frame
        for first, second in zip(net.rgb_stream, net.motion_stream):
            rgb, motion = run(first, rgb, 1), run(second, motion, 1)
        outputs.append(run(net.merge, torch.cat([rgb, motion], 1), 2)[0])
    return torch.stack(outputs)


def test_equals_the_frame_by_frame_reference():
    net = network().double()
    clips = coarse_frames(2, 4).double()
    out = net(clips.flatten(0, 1)).unflatten(0, (2, 4))
    assert set(out.unique().tolist()) == {0., 1.}
    for clip, spikes in zip(clips, out):
        torch.testing.assert_close(
            spikes, reference_network(net, clip), rtol=0, atol=0)


def test_differences_by_hand():
    x = torch.tensor([3., 5., 4.])
    assert backward_differences(x).tolist() == [0., 2., -1.]


def test_static_clips_leave_the_motion_stream_silent():
    """Two stills one after another: nothing moves within either."""
    stills = coarse_frames(2, 1)
    frames = stills.expand(-1, 4, -1, -1, -1).flatten(0, 1)
    rgb, motion, _ = stream_outputs(network(), frames)
    assert motion.sum() == 0
    assert rgb.sum() > 0


def test_motion_stream_fires_where_something_moves():
    frames = torch.zeros(4, 3, 32, 32)
    frames[2:, :, :16, :16] = 8.  # appears at step 2, then stands still
    rgb, motion, _ = stream_outputs(network(), frames)
    assert motion[:2].sum() == 0 and motion[2:].sum() > 0
    assert motion[..., 3:, :].sum() == motion[..., 3:].sum() == 0
    # An even change of all frames is no motion, though the RGB stream sees it.
    brighter = stream_outputs(network(), frames + 4.)
    torch.testing.assert_close(brighter[1], motion, rtol=0, atol=0)
    assert (brighter[0] - rgb).abs().sum() > 0


def test_the_output_depends_on_both_streams():
    frames = coarse_frames(4)
    out = network()(frames)
    for name in ('rgb_stream', 'motion_stream'):
        net = network()
        torch.nn.init.zeros_(getattr(net, name)[0].conv.weight)
        assert (net(frames) - out).abs().sum() > 0


def test_every_parameter_gets_a_gradient():
    check_gradients(network(), coarse_frames(8))


def test_clips():
    check_clips(network(), coarse_frames(2, 4))


@pytest.mark.parametrize('size, width', [(64, 4), (96, 6), (112, 7), (224,
                                                                      14)])
def test_any_input_size(size, width):
    net = SpikeConvFlowNet(2, base_channels=2)
    assert net(torch.randn(2, 3, size, size)).shape == (2, 4, width, width)


def test_size_of_the_published_network():
    """With a classifier of two classes close to 0.178 M parameters."""
    params = sum(p.numel() for p in SpikeConvFlowNet(16).parameters())
    assert 0.13e6 < params < 0.178e6


def test_bad_input():
    with pytest.raises(ValueError, match='5 frames.*num_steps=4'):
        network()(torch.zeros(5, 3, 32, 32))
    with pytest.raises(TypeError):
        SpikeConvFlowNet()
    with pytest.raises(ValueError, match='num_steps takes integers above 0'):
        SpikeConvFlowNet(0)
