import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from small_respike import clips, small_respike

from respike_mm.visualization.grad_cam import (HybridGradCAM,
                                               localization_maps)
from respike_mm.visualization.grad_cam_figures import draw_grad_cam


def test_localization_map_by_hand():
    # Two channels of 1x2; mean gradients 1 and -2.
    gradients = torch.tensor([[[2., 0.]], [[-2., -2.]]])
    activations = torch.tensor([[[3., 1.]], [[1., 2.]]])
    assert localization_maps(activations, gradients).tolist() == [[1, 0]]


def independent_maps(model, data, label):
    """Both branches' maps, from a forward pass written out here."""
    batch = model.data_preprocessor(data)['inputs']
    key, residual = model.split_segments(batch)
    maps = [x.detach().requires_grad_() if i == 3 else x
            for i, x in enumerate(model.backbone(key))]
    x = model.snn_backbone.forward_stem(residual)
    for stage, key_map in enumerate(maps):
        x = model.snn_backbone.forward_stage(x, stage)
        if stage == 3:
            x = last = x.detach().requires_grad_()
        x = model.neck(x, key_map, stage)
    logits = model.cls_head((maps[3], x), num_segs=2).mean(0)
    result = []
    for target in (maps[3], last):
        grad, = torch.autograd.grad(logits[label], target, retain_graph=True)
        weights = grad.flatten(-2).mean(-1)  # [..., C]
        cam = torch.einsum('...c,...chw->...hw', weights, target).clamp(min=0)
        result.append(cam.detach())
    return result, logits.detach()


@pytest.mark.parametrize('frozen', [False, True])
def test_against_an_independent_computation(frozen):
    model = small_respike()
    model.requires_grad_(not frozen)
    data = clips(views=2, height=64, width=96)
    (key, spiking), logits = independent_maps(model, data, 0)
    spiking = spiking.transpose(0, 1).flatten(0, 1)  # by segment, then step
    for layer, expected in (('backbone/layer4', key),
                            ('snn_backbone/layer4', spiking)):
        cam = HybridGradCAM(model, layer)
        maps, scores = cam._calculate_localization_map(data, use_labels=True)
        torch.testing.assert_close(scores[0], logits)
        expected = F.interpolate(expected[None], (64, 96), mode='bilinear',
                                 align_corners=False)[0]
        expected = expected.unflatten(0, (2, -1)).flatten(1)
        low, high = expected.aminmax(dim=1, keepdim=True)
        assert (high > low).all()
        torch.testing.assert_close(
            maps.flatten(1), (expected - low) / (high - low))
    assert all(p.grad is None for p in model.parameters())


def test_frames_under_the_heat():
    model, data = small_respike(), clips()
    frames = data['inputs'][0][0].permute(0, 1, 3, 4, 2).float()
    frames[:, 1:] += frames[:, :1]  # [K, s, H, W, 3]
    for layer, expected in (
            ('backbone/layer4', frames[:, 0]),
            ('snn_backbone/layer4', frames[:, 1:].flatten(0, 1))):
        blended, _ = HybridGradCAM(model, layer)(data, alpha=0.)
        torch.testing.assert_close(blended[0].float(), expected / 255)
    picture = draw_grad_cam(frames[:, 0] / 255, blended[0], 2, 'clip',
                            HybridGradCAM(model, layer).colormap)
    titles = [axis.get_title() for axis in picture.axes[:8]]
    assert titles[4:] == ['ANN: key frame 4', 'SNN: frame 5', 'SNN: frame 6',
                          'SNN: frame 7']


def two_frames(data):
    """The clips with segments of a key frame and one residual frame."""
    inputs = [x[:, :, :2].contiguous() for x in data['inputs']]
    return dict(data, inputs=inputs)


@pytest.mark.parametrize('layer', [
    'snn_backbone/layer4',
    'snn_backbone/layer4/1/conv2/norm',  # [S * B, C, h, w]
])
def test_frames_under_the_heat_with_one_step(layer):
    data = two_frames(clips(views=2))
    frames = data['inputs'][0].permute(0, 1, 2, 4, 5, 3).float()
    blended, _ = HybridGradCAM(small_respike(), layer)(data, alpha=0.)
    torch.testing.assert_close(
        blended.float(), (frames[:, :, 0] + frames[:, :, 1]) / 255)


def test_one_step_leaves_the_other_branch_alone():
    data = two_frames(clips())
    frames = data['inputs'][0][:, :, 0].permute(0, 1, 3, 4, 2).float()
    blended, _ = HybridGradCAM(
        small_respike(), 'backbone/layer4')(data, alpha=0.)
    torch.testing.assert_close(blended.float(), frames / 255)


def test_layers_that_see_time_as_more_batch():
    model, data = small_respike(), clips(views=2)
    outer, inner = (
        HybridGradCAM(model, f'snn_backbone/layer4/1/conv2{layer}')(data)[0]
        for layer in ('', '/norm'))
    assert inner.shape[:2] == (2, 6)  # K * S
    torch.testing.assert_close(inner, outer)


def test_layers_with_other_numbers_of_maps():
    cam = HybridGradCAM(small_respike(), 'snn_backbone/layer4')
    with pytest.raises(ValueError, match=r'or \[S \* B, C, H, W\]; \w+ does'):
        cam._by_step(torch.zeros(8, 1, 1), num_segments=4, num_steps=3)


def test_the_predicted_class_by_default():
    model, data = small_respike(), clips()
    cam = HybridGradCAM(model, 'backbone/layer4')
    maps, scores = cam._calculate_localization_map(data, use_labels=False)
    best = int(scores.argmax())
    assert best != 0  # else the default would not show
    (key, _), _ = independent_maps(model, data, best)
    coarse = F.interpolate(maps, (1, 1), mode='area').flatten()
    key = F.interpolate(key[:, None], (32, 32))[:, 0]
    key = (key - key.min()) / (key.max() - key.min())
    torch.testing.assert_close(coarse, key.mean((1, 2)))


def test_bad_input():
    model = small_respike()
    with pytest.raises(ValueError, match='no_such'):
        HybridGradCAM(model, 'backbone/no_such')
    with pytest.raises(ValueError, match='one map'):
        HybridGradCAM(model, 'backbone')(clips())
    with pytest.raises(ValueError, match='one video at a time, got 2'):
        HybridGradCAM(model, 'backbone/layer4')(clips(num=2))
    tsn = MODELS.build(
        dict(type='Recognizer2D',
             backbone=dict(type='MSResNet', base_channels=8, num_steps=2),
             cls_head=dict(type='TSNHead', num_classes=2, in_channels=64)))
    with pytest.raises(ValueError, match='got Recognizer2D'):
        HybridGradCAM(tsn, 'backbone/layer4')
