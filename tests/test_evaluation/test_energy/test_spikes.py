"""What counts as spikes, and what each spike reaches."""
import pytest
import torch
import torch.nn.functional as F

from respike_mm.evaluation.energy.spikes import (count_ones, fan_out,
                                                 is_binary, spikes_and_reach)

LARGE = 200_000  # several pieces


@pytest.mark.parametrize('dtype', [
    torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.int64,
    torch.uint8, torch.bool
])
def test_zeros_and_ones_are_spikes_in_every_type(dtype):
    spikes = torch.arange(LARGE) % 3 == 0
    assert is_binary(spikes.to(dtype))
    assert count_ones(spikes.to(dtype)) == (LARGE + 2) // 3


@pytest.mark.parametrize('odd', [
    0.5, -1., 2., 1 + 2**-23, 1 - 2**-24, 1e-30, float('nan'), float('inf')
])
@pytest.mark.parametrize('place', [0, 5000, LARGE - 1])
def test_one_other_value_anywhere_makes_it_float(odd, place):
    x = (torch.arange(LARGE) % 2).float()
    x[place] = odd
    assert not is_binary(x)


def test_pooled_spikes_are_float():
    spikes = (torch.arange(64).view(1, 1, 8, 8) % 3 == 0).float()
    assert not is_binary(F.avg_pool2d(spikes, 2))
    assert is_binary(F.max_pool2d(spikes, 2))


def test_values_of_meta_tensors_are_unknown():
    assert not is_binary(torch.zeros(3, device='meta'))


@pytest.mark.parametrize('view', [
    lambda x: x.contiguous(memory_format=torch.channels_last),
    lambda x: x.transpose(0, 1), lambda x: x[:, 1:, ::2]
])
def test_layout_does_not_matter(view):
    spikes = (torch.rand(3, 4, 6, 5, generator=torch.manual_seed(0)) < .3)
    x = view(spikes.float())
    assert is_binary(x)
    assert count_ones(x) == view(spikes).sum()
    x[-1, -1, -1, -1] = 0.5
    assert not is_binary(x)


def test_fan_out_by_hand():
    # Kernel 3, padding 1: the border is missed once.
    assert list(fan_out(4, 4, 3, 1, 1, 1)) == [2, 3, 3, 2]
    # Stride 2: outputs are centred on 0, 2, 4; odd inputs lie between two.
    assert list(fan_out(5, 3, 3, 2, 1, 1)) == [1, 2, 1, 2, 1]
    # Dilation 2 without padding: taps 0, 2, 4 from positions 0 and 1.
    assert list(fan_out(6, 2, 3, 1, 0, 2)) == [1] * 6
    # The last input of a stride that does not fit is never read.
    assert list(fan_out(4, 1, 3, 2, 0, 1)) == [1, 1, 1, 0]
    # Transposed, stride 2, padding 1: the first position loses one tap.
    assert list(fan_out(3, 5, 3, 2, 1, 1, True)) == [2, 3, 2]


CASES = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, padding=1, stride=2),
    dict(kernel_size=3, padding=2, dilation=2),
    dict(kernel_size=(1, 5), padding=(0, 2), stride=(2, 1)),
    dict(kernel_size=3, padding=1, groups=2),
    dict(kernel_size=2, stride=3),
    dict(kernel_size=1),
]


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('transposed', [False, True])
@pytest.mark.parametrize('channels_last', [False, True])
def test_accumulates_equal_a_convolution_of_ones(case, transposed,
                                                 channels_last):
    """With unit weights every addition adds one: their number is the sum."""
    cls = torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d
    conv = cls(4, 6, bias=False, **case)
    torch.nn.init.ones_(conv.weight)
    x = torch.rand(2, 4, 7, 9, generator=torch.manual_seed(1)) < 0.3
    x = x.float()
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    out = conv(x)
    axes = tuple(
        zip(x.shape[2:], out.shape[2:], conv.kernel_size, conv.stride,
            conv.padding, conv.dilation, [transposed] * 2))
    spikes, reach = spikes_and_reach(x, axes)
    assert spikes == x.sum()
    assert reach * 6 // conv.groups == out.sum().item()
