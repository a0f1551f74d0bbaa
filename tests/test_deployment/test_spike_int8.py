import pickle
from copy import deepcopy

import pytest
import torch
from tiny_respike import FourConvs, respike, settled
from torch import nn

from respike_mm.deployment import Int8SpikeConv2d, quantise_spike_convs
from respike_mm.models.common.spike_conv import SpikeConv2d


def spike_conv(weight, bias=None, stride=1):
    conv = SpikeConv2d(*weight.shape[1::-1], weight.shape[2], stride, 1)
    conv.weight.data = weight
    if bias is not None:  # as folding leaves it
        conv.bias = nn.Parameter(bias)
    return conv.eval()


def whole_numbers(*shape):
    """From -127 to 127, both in every channel, scaled by powers of two."""
    weight = torch.randint(-127, 128, shape).float()
    weight.flatten(1)[:, 0], weight.flatten(1)[:, 1] = 127, -127
    return weight * 2.**-torch.arange(1, shape[0] + 1)[:, None, None, None]


@pytest.fixture
def spikes():
    torch.manual_seed(0)
    maps = (torch.rand(5, 6, 9, 7) < 0.4).float()
    return maps.contiguous(memory_format=torch.channels_last)


def test_by_hand():
    """A spike in the middle gives the kernel, turned; its scale is 1."""
    weight = torch.tensor([[[[0., 1., 2.], [3., 4., 5.], [6., 7., 127.]]]])
    spike = torch.zeros(1, 1, 3, 3)
    spike[0, 0, 1, 1] = 1
    out = Int8SpikeConv2d(spike_conv(weight, torch.tensor([0.5])))(spike)
    assert out.tolist() == (weight.flip(2, 3) + 0.5).tolist()


@pytest.mark.parametrize('stride', [1, 2])
def test_exact_where_weights_are(spikes, stride):
    """Against float64."""
    weight, bias = whole_numbers(4, 6, 3, 3), torch.randn(4)
    weight[2] = 0  # a channel without a largest weight
    conv = spike_conv(weight, bias, stride)
    out = Int8SpikeConv2d(conv)(spikes)
    assert out.is_contiguous(memory_format=torch.channels_last)
    expected = conv.double()(spikes.double())
    torch.testing.assert_close(
        out.double(), expected, rtol=2e-7, atol=2e-7)


def test_error_bound(spikes):
    """Half a unit of 1 / 127 of the largest weight for every spike."""
    weight = torch.randn(8, 6, 3, 3)
    conv = spike_conv(weight)
    error = (Int8SpikeConv2d(conv)(spikes) - conv(spikes)).abs()
    unit = weight.abs().amax((1, 2, 3)) / 127
    counts = spike_conv(torch.ones(1, 6, 3, 3))(spikes)
    bound = 0.5 * unit[:, None, None] * counts
    assert (error <= bound + 1e-5).all()
    assert (error > 0.1 * bound).any()  # they were rounded


def test_under_autocast(spikes):
    conv = Int8SpikeConv2d(spike_conv(whole_numbers(4, 6, 3, 3)))
    expected = conv(spikes)
    with torch.autocast('cpu', torch.bfloat16):
        out = conv(spikes.bfloat16())
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected.bfloat16(), rtol=0, atol=0)


def test_copies(spikes):
    """Also after the first call, which packs the weights."""
    conv = Int8SpikeConv2d(spike_conv(torch.randn(4, 6, 3, 3)))
    other = Int8SpikeConv2d(spike_conv(torch.randn(4, 6, 3, 3)))
    expected = conv(spikes)
    assert not torch.equal(other(spikes), expected)
    other.load_state_dict(conv.state_dict())
    for copy in (deepcopy(conv), pickle.loads(pickle.dumps(conv)), other):
        assert torch.equal(copy(spikes), expected)


@torch.no_grad()
def test_predictions():
    """Rounded weights move logits a little, and no prediction."""
    model = settled()
    before = deepcopy(model.state_dict())
    int8 = quantise_spike_convs(model)
    kinds = [type(m) for m in int8.modules()]
    assert kinds.count(Int8SpikeConv2d) == 16  # all of a ResNet-18 but stem
    assert SpikeConv2d not in kinds and nn.BatchNorm2d not in kinds
    x = torch.randn(32, 1, 2, 4, 3, 32, 32)
    expected, found = model(x, stage='head'), int8(x, stage='head')
    assert not torch.equal(found, expected)
    assert (found - expected).std() < 5e-4 * expected.std()
    assert torch.equal(found.argmax(1), expected.argmax(1))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize('model, message', [
    (lambda: respike().train(), 'evaluation mode'),
    (lambda: respike().eval().double(), 'weight is torch.float64 on cpu'),
    (lambda: respike().eval().to('meta'), 'float32 on meta'),
    (lambda: FourConvs().eval(), 'FourConvs has no convolution behind'),
])
def test_refusals(model, message):
    with pytest.raises(ValueError, match=message):
        quantise_spike_convs(model())
