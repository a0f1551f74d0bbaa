import pytest
import torch
from torch import nn

from respike_mm.models.common.temporal_conv import (TemporalConv, inflate,
                                                    max_over_frames)


def test_maximum_by_hand():
    x = torch.tensor([5., 1., 2., 9., 0., 3., 4., 1.]).view(8, 1, 1, 1)
    pooled = max_over_frames(x, clip_len=4, size=3).flatten().tolist()
    assert pooled == [5., 5., 9., 9., 3., 4., 4., 4.]


def test_inflated_filter_by_hand():
    weight = torch.tensor([3., 6.]).view(1, 2, 1, 1)
    assert inflate(weight, 3).view(2, 3).tolist() == [[1.] * 3, [2.] * 3]


def test_taps_look_back_and_ahead_within_the_clip():
    conv = TemporalConv(nn.Conv2d(1, 1, 1, bias=False), clip_len=3)
    conv.weight.data = torch.tensor([1., 10., 100.]).view(1, 1, 3, 1, 1)
    frames = torch.tensor([1., 2., 3., 5., 0., 0.]).view(6, 1, 1, 1)
    # before + 10 now + 100 after; the clips are (1, 2, 3) and (5, 0, 0).
    assert conv(frames).flatten().tolist() == [211, 321, 332, 55, 5, 0]


@pytest.mark.parametrize('kernel, dilation', [(1, 1), (3, 1), (3, 2)])
def test_still_clip_is_the_image_convolution(kernel, dilation):
    image = nn.Conv2d(
        3, 5, kernel, padding=kernel // 2 * dilation, dilation=dilation,
        bias=False)
    conv = TemporalConv(image, clip_len=4)
    conv.load_state_dict(image.state_dict())  # an image checkpoint
    frames = torch.randn(2, 1, 3, 6, 7).expand(2, 4, 3, 6, 7).flatten(0, 1)
    torch.testing.assert_close(conv(frames), image(frames))


def test_own_checkpoint_loads_unchanged():
    image = nn.Conv2d(3, 5, 3, padding=1, bias=False)
    trained, fresh = (TemporalConv(image, clip_len=4) for _ in range(2))
    nn.init.normal_(trained.weight)
    fresh.load_state_dict(trained.state_dict())
    assert (fresh.weight == trained.weight).all()


def test_starts_as_an_average_of_he_filters():
    torch.manual_seed(0)
    conv = TemporalConv(nn.Conv2d(64, 128, 3, padding=1, bias=False), 4)
    weight = conv.weight
    assert (weight == weight[:, :, :1]).all()
    # Fan out 128 * 9: variance 2 / 1152 of the image filter.
    assert (3 * weight).var().item() == pytest.approx(2 / 1152, rel=0.05)
