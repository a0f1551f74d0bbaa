import pytest
import torch
import torch.nn.functional as F
from spiking_checks import check_clips, check_gradients, settle

from respike_mm.models import STSResNet
from respike_mm.models.backbones.snn_resnet import SNNBasicBlock
from respike_mm.models.backbones.sts_resnet import (STSBasicBlock,
                                                    causal_temporal_conv)

BN = dict(type='BN2d')
# A membrane that keeps a millionth: time passes through the kernels alone.
FORGETFUL = dict(
    type='LIFNeuron', tau=1.000001, decay_input=False, v_threshold=0.05)


def network(**options):
    torch.manual_seed(0)
    net = STSResNet(base_channels=4, num_steps=4, **options)
    for name, param in net.named_parameters():
        if 'temporal' in name:  # away from the identity they start as
            torch.nn.init.normal_(param, 0.5)
    return net


def test_temporal_kernel_by_hand():
    """An impulse of 2 at step 1 meets the taps in order."""
    x = torch.zeros(5, 1, 2, 1, 1)
    x[1] = 2.
    weight = torch.tensor([[1., 10.], [3., 30.], [5., 50.]])  # [k, C]
    out = causal_temporal_conv(x, weight)[:, 0, :, 0, 0]
    assert out.T.tolist() == [[0, 2, 6, 10, 0], [0, 20, 60, 100, 0]]


def test_kernel_longer_than_the_clip():
    x = torch.ones(2, 1, 1, 1, 1)
    weight = torch.tensor([[1.], [2.], [4.], [8.]])
    assert causal_temporal_conv(x, weight).flatten().tolist() == [1, 3]


def test_space_then_time_is_a_convolution_over_both():
    torch.manual_seed(0)
    x = torch.randn(6, 2, 3, 8, 8, dtype=torch.float64)  # [S, N, C, H, W]
    space = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    time = torch.randn(3, 5, dtype=torch.float64)
    maps = F.conv2d(x.flatten(0, 1), space, padding=1).unflatten(0, (6, 2))
    kernel = torch.einsum('ochw,ko->ockhw', space, time.flip(0))
    volume = F.pad(x.permute(1, 2, 0, 3, 4), (1, 1, 1, 1, 2, 0))
    torch.testing.assert_close(
        causal_temporal_conv(maps, time),
        F.conv3d(volume, kernel).permute(2, 0, 1, 3, 4))


@pytest.mark.parametrize('taps, reached', [
    (1, [2]),
    (2, [2, 3, 4]),
    (3, [2, 3, 4, 5, 6]),
])
def test_steps_that_an_impulse_reaches(taps, reached):
    """Two kernels a block, each handing on to the taps - 1 steps after."""
    block = STSBasicBlock(
        4, 4, 1, 'strided', FORGETFUL, BN, 'per_step',
        temporal_kernel=taps).eval()
    for param in block.parameters():
        torch.nn.init.constant_(param, 0.5)
    for part in (block.conv1, block.conv2):
        torch.nn.init.zeros_(part.norm.bias)
    x = torch.zeros(9, 1, 4, 5, 5)
    x[2] = 1.
    fired = block(x).flatten(1).sum(1)
    assert fired.nonzero().flatten().tolist() == reached


def test_starts_as_the_spatial_network():
    torch.manual_seed(0)
    args = 4, 6, 2, 'strided', dict(type='LIFNeuron'), BN, 'per_step'
    block = STSBasicBlock(*args, temporal_kernel=3).eval()
    plain = SNNBasicBlock(*args).eval()
    plain.load_state_dict(block.state_dict(), strict=False)
    x = torch.randn(5, 2, 4, 8, 8) * 3
    out = plain(x)
    assert out.unique().tolist() == [0, 1]
    torch.testing.assert_close(block(x), out)
    torch.nn.init.normal_(block.temporal2.weight)
    assert (block(x) - out).abs().max() > 0


def test_stem_sees_time():
    net = network(neuron=FORGETFUL).eval()
    torch.nn.init.constant_(net.stem.conv.weight, 0.1)
    torch.nn.init.constant_(net.stem_temporal.weight, 1.)
    x = torch.zeros(5, 1, 3, 32, 32)
    x[1] = 1.
    fired = net.forward_stem(x).flatten(1).sum(1)
    assert fired.nonzero().flatten().tolist() == [1, 2, 3]


def test_every_parameter_gets_a_gradient():
    check_gradients(network(), torch.randn(16, 3, 32, 32) * 2)


def test_all_convolutions_span_time():
    net = network(temporal_kernel=2)
    taps = [p for n, p in net.named_parameters() if 'temporal' in n]
    assert len(taps) == 1 + 2 * 8
    assert all(len(p) == 2 for p in taps)


def test_clips():
    net = settle(network(), torch.randn(16, 3, 64, 64))
    check_clips(net, torch.randn(2, 4, 3, 64, 64))


@pytest.mark.parametrize('size, width', [(64, 2), (96, 3), (112, 4), (224, 7)])
def test_any_input_size(size, width):
    net = STSResNet(base_channels=2, num_steps=2).eval()
    assert net(torch.randn(2, 3, size, size)).shape == (2, 16, width, width)


def test_bad_options():
    with pytest.raises(ValueError, match='temporal_kernel must be at least 1'):
        STSResNet(temporal_kernel=0)
    with pytest.raises(TypeError):
        STSResNet(temporal_kernels=3)
