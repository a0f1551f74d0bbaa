import pytest
import torch
from mmaction.registry import MODELS

from respike_mm.models import ResidualTwoStreamResNet
from respike_mm.models.backbones.residual_two_stream import (
    frame_differences, inject_motion)

STREAM = dict(
    type='mmpretrain.ResNet',
    depth=18,
    stem_channels=8,
    base_channels=4,
    zero_init_residual=False)


def build(clip_len=4, **options):
    torch.manual_seed(0)
    stream = {**STREAM, **options.pop('stream', {})}
    net = ResidualTwoStreamResNet(stream=stream, clip_len=clip_len, **options)
    net.init_weights()
    return net


def still(clips=2, frames=4, channels=3, size=32):
    """Clips whose frames are all the same, ``[N * T, C, H, W]``."""
    images = torch.randn(clips, 1, channels, size, size)
    return images.expand(-1, frames, -1, -1, -1).flatten(0, 1)


def test_differences_by_hand():
    clips = torch.tensor([[1., 4., 2.], [5., 5., 9.]]).view(2, 3, 1, 1, 1)
    change = frame_differences(clips).view(2, 3)
    assert change.tolist() == [[3., -2., -2.], [0., 4., 4.]]


def test_injection_by_hand():
    """relu(F(a + m) + a) with F(x) = 2 * relu(x): no motion in the sum."""
    net = build()
    unit = torch.nn.Module()
    unit.conv1, unit.norm1 = torch.nn.Identity(), torch.nn.Identity()
    unit.conv2 = torch.nn.Conv2d(1, 1, 1, bias=False)
    unit.conv2.weight.data.fill_(2.)
    unit.norm2, unit.drop_path = torch.nn.Identity(), torch.nn.Identity()
    unit.relu = torch.nn.ReLU()
    a, m = (torch.tensor(x).view(1, 1, 1, 3)
            for x in ([1., 0., 4.], [2., -3., -1.]))
    assert inject_motion(unit, a, m).flatten().tolist() == [7., 0., 10.]
    # Without motion it is the unit as mmpretrain runs it.
    unit = net.eval().appearance_stream.layer1[1]
    a = torch.rand(4, 4, 5, 5)
    torch.testing.assert_close(inject_motion(unit, a, 0 * a), unit(a))


def image_network(stream):
    """The plain ResNet with the weights of one stream."""
    net = MODELS.build(dict(STREAM, depth=stream.depth)).double()
    weights = {
        name: w.sum(2) if w.dim() == 5 else w
        for name, w in stream.state_dict().items()
    }
    net.load_state_dict(weights)
    net.eval()  # mmpretrain's does not return the network
    return net


@pytest.mark.parametrize('depth', [18, 50])
@torch.no_grad()
def test_still_clip_without_motion_is_the_plain_resnet(depth):
    """A fresh motion stream gives zero for zero."""
    net = build(stream=dict(depth=depth)).double().eval()
    frames = still().double()
    images, motion = net.split_input(frames)
    assert motion.abs().max() == 0
    expected, = image_network(net.appearance_stream)(images)
    appearance, motion = net(frames).chunk(2, dim=1)
    torch.testing.assert_close(appearance, expected)
    assert motion.abs().max() == 0
    # It is the motion that was missing.
    motion_net = net.motion_stream
    motion_net.norm1.bias.fill_(1.)
    appearance, motion = net(frames).chunk(2, dim=1)
    assert (appearance - expected).abs().max() > 1e-3
    expected, = image_network(motion_net)(torch.zeros_like(images))
    torch.testing.assert_close(motion, expected)


@torch.no_grad()
def test_motion_enters_appearance_in_every_stage():
    net = build().eval()
    maps = net.forward_stem(*net.split_input(torch.randn(4, 3, 32, 32)))
    for stage in range(4):
        appearance, motion = maps
        # Perturbed in the first frame only.
        moved = motion.clone()
        moved[0] += torch.rand_like(moved[0])
        maps = net.forward_stage(appearance, motion, stage)
        other = net.forward_stage(appearance, moved, stage)
        change = (other[0] - maps[0]).abs().amax((1, 2, 3))
        # Two convolutions over three frames reach two frames further.
        assert (change[:3] > 1e-5).all() and change[3] == 0, stage
        # And appearance never enters motion.
        unmoved = net.forward_stage(appearance + 1, motion, stage)
        assert (unmoved[1] == maps[1]).all()


@pytest.mark.parametrize('options, size', [({}, 5),
                                           (dict(temporal_pool=3), 3)])
@torch.no_grad()
def test_last_maps_are_maxima_over_frames(options, size):
    net = build(clip_len=8, **options).eval()
    frames = torch.randn(8, 3, 32, 32)
    maps = net.forward_stem(*net.split_input(frames))
    for stage in range(4):
        maps = net.forward_stage(*maps, stage)
    maps, reach = torch.cat(maps, 1), size // 2
    expected = torch.stack([
        maps[max(t - reach, 0):t + reach + 1].amax(0) for t in range(8)])
    torch.testing.assert_close(net(frames), expected)


@pytest.mark.parametrize('motion, channels', [('difference', 3), ('flow', 5)])
@pytest.mark.parametrize('depth', [18, 50])
def test_every_parameter_gets_a_gradient(depth, motion, channels):
    net = build(motion=motion, stream=dict(depth=depth))
    out = net(torch.randn(8, channels, 32, 32))
    (out * torch.randn_like(out)).sum().backward()
    for name, param in net.named_parameters():
        assert param.grad.isfinite().all() and param.grad.any(), name


def test_appearance_alone_trains_the_motion_stream():
    """The residual connections carry gradients back."""
    net = build()
    appearance, _ = net(torch.randn(8, 3, 32, 32)).chunk(2, dim=1)
    (appearance * torch.randn_like(appearance)).sum().backward()
    assert net.motion_stream.conv1.weight.grad.abs().sum() > 0
    last = net.motion_stream.layer4
    assert last[0].conv1.weight.grad.abs().sum() > 0
    assert not last[1].conv1.weight.grad.any()  # behind the last injection


@torch.no_grad()
def test_flow_goes_to_the_motion_stream():
    net = build(motion='flow').eval()
    frames = torch.randn(4, 5, 32, 32)
    appearance, flow = net.split_input(frames)
    assert (appearance == frames[:, :3]).all() and (flow
                                                    == frames[:, 3:]).all()
    assert net(frames).shape == (4, 64, 1, 1)


@torch.no_grad()
def test_batch_items_are_independent_and_passes_agree():
    net = build().eval()
    x = torch.randn(8, 3, 32, 32)
    both = net(x)
    torch.testing.assert_close(net(x), both, rtol=0, atol=0)
    torch.testing.assert_close(net(x[:4]), both[:4])
    torch.testing.assert_close(net(x[4:]), both[4:])
    # Within a clip the order of the frames matters.
    assert (net(x[:4].flip(0)).flip(0) - both[:4]).abs().max() > 1e-3


@pytest.mark.parametrize('motion', ['difference', 'flow'])
def test_image_checkpoint_loads_into_both_streams(tmp_path, motion):
    image_net = MODELS.build(STREAM)
    torch.save(image_net.state_dict(), tmp_path / 'image.pth')
    checkpoint = dict(type='Pretrained', checkpoint=f'{tmp_path}/image.pth')
    net = build(motion=motion, stream=dict(init_cfg=checkpoint))
    for name, weight in image_net.state_dict().items():
        for stream in (net.appearance_stream, net.motion_stream):
            loaded = stream.state_dict()[name]
            if loaded.dim() == 5:  # averaged over three frames
                loaded = loaded.sum(2)
            if loaded.shape != weight.shape:  # averaged over the colours
                assert stream is net.motion_stream and motion == 'flow'
                assert loaded.shape[1] == 2
                weight = weight.mean(1, keepdim=True).expand_as(loaded)
            torch.testing.assert_close(loaded, weight)
    again = build(motion=motion)
    again.load_state_dict(net.state_dict())
    for name, weight in again.state_dict().items():
        assert (weight == net.state_dict()[name]).all()


def test_frozen_stages_hold_for_appearance_alone():
    net = build(stream=dict(frozen_stages=2))
    for name, param in net.named_parameters():
        frozen = name.startswith(
            tuple(f'appearance_stream.{part}.'
                  for part in ('conv1', 'bn1', 'layer1', 'layer2')))
        assert param.requires_grad != frozen, name
    assert not net.train().appearance_stream.layer2[1].bn1.training
    assert net.motion_stream.layer2[1].bn1.training


def test_recognizer2d_runs_whole_clips():
    model = MODELS.build(
        dict(
            type='Recognizer2D',
            backbone=dict(
                type='ResidualTwoStreamResNet', stream=STREAM, clip_len=4),
            cls_head=dict(type='TSNHead', num_classes=5, in_channels=64),
            data_preprocessor=dict(type='ActionDataPreprocessor'))).eval()
    videos = torch.randn(2, 8, 3, 32, 32)  # two clips each
    with torch.no_grad():
        feats, kwargs = model.extract_feat(videos)
        assert model.cls_head(feats, **kwargs).shape == (2, 5)
        clips = model.backbone(videos[1, 4:])
    torch.testing.assert_close(feats[12:], clips)


@pytest.mark.parametrize('motion, shape, message', [
    ('difference', (4, 5, 32, 32), "RGB.*'difference'.*AppendFlow"),
    ('flow', (4, 3, 32, 32), r"\[N \* T, 5, H, W\].*\(4, 3, 32, 32\)"),
    ('difference', (6, 3, 32, 32), '6 frames.*clip_len=4'),
    ('difference', (4, 4, 3, 32, 32), 'got'),
])
def test_bad_shapes(motion, shape, message):
    with pytest.raises(ValueError, match=message):
        build(motion=motion)(torch.zeros(shape))


@pytest.mark.parametrize('options, error, message', [
    (dict(motion='optical'), ValueError, 'motion must be one of'),
    (dict(clip_len=1), ValueError, 'at least 2'),
    (dict(temporal_pool=4), ValueError, 'temporal_pool odd'),
    (dict(temporal_pool=-1), ValueError, 'odd and positive'),
    # Its attention over channels would be left out.
    (dict(stream=dict(type='mmpretrain.SEResNet', depth=50)), ValueError,
     "'mmpretrain.SEResNet' has SEBottleneck"),
    (dict(stream=dict(type='mmpretrain.ResNetV1d')), ValueError,
     "usual stem, got 'mmpretrain.ResNetV1d'"),
    (dict(stream=dict(in_channels=3)), TypeError, 'in_channels'),
])
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        build(**options)
