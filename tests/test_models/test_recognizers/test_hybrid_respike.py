import pytest
import torch
import torchvision
from action_samples import score_of
from small_respike import MODEL, NECK, build, clips


def losses_of(model, amp=False, size=32):
    data = model.data_preprocessor(
        clips(4, height=size, width=size), training=True)
    with torch.autocast('cpu', torch.bfloat16, enabled=amp):
        return model(**data, mode='loss')


@pytest.mark.parametrize('amp', [False, True], ids=['float32', 'bfloat16'])
@pytest.mark.parametrize('options', [
    dict(),
    dict(checkpoint='neurons'),
    dict(checkpoint='all'),
    dict(neck={**NECK, 'full_resolution_identity': True}),
    dict(neck=None),
], ids=['faithful', 'neurons', 'all', 'full-resolution', 'no-neck'])
def test_every_parameter_gets_a_gradient(options, amp):
    model = build(**options).train()
    # 64 pixels leave 2x2 tokens at stage 4: attention over a single token
    # has no gradient for its queries.
    losses_of(model, amp, size=64)['loss_cls'].backward()
    for name, param in model.named_parameters():
        assert param.grad is not None, name
        assert param.grad.isfinite().all(), name
        assert param.grad.abs().sum() > 0, name


# Four maps by construction: it has no out_indices.
NARROW_HRNET = {
    f'stage{i}': dict(num_modules=1, num_branches=i, block=block,
                      num_blocks=(1, ) * i,
                      num_channels=(4, 8, 16, 32)[:i])
    for i, block in enumerate(['BOTTLENECK', *['BASIC'] * 3], 1)
}
WIDTHS = {'timm.convnext_atto': [40, 80, 160, 320],
          'mmpretrain.HRNet': [4, 8, 16, 32]}


@pytest.mark.parametrize('backbone', [
    dict(type='ResNet', depth=18),
    dict(type='mmpretrain.ResNet', depth=18),
    dict(type='mmpretrain.HRNet', extra=NARROW_HRNET),
    dict(type='torchvision.resnet18'),
    dict(type=torchvision.models.resnet18),
    dict(type='timm.resnet18', pretrained=False),
    dict(type='timm.convnext_atto', pretrained=False),
], ids=lambda cfg: str(cfg['type']).split(' at ')[0])
def test_any_four_stage_backbone(backbone):
    kind = str(backbone['type'])
    if kind.startswith('timm'):
        pytest.importorskip('timm')
    model = build(backbone=backbone).train()
    widths = WIDTHS.get(kind, [64, 128, 256, 512])
    found = [
        block.block.cross_attn.to_k.in_features
        for block in model.neck.blocks.values()
    ]
    assert found == widths
    assert model.cls_head.in_channels == widths[-1] + 64
    loss = losses_of(model)['loss_cls']
    loss.backward()
    assert next(model.backbone.parameters()).grad.abs().sum() > 0


def trained_statistics(**options):
    """A model in evaluation mode whose statistics let neurons fire."""
    model = build(**options).train()
    with torch.no_grad():
        losses_of(model)
    return model.eval()


def scores(model, data):
    data = model.data_preprocessor(data)
    with torch.no_grad():
        out = model(**data, mode='predict')
    return torch.stack([score_of(sample) for sample in out])


def test_evaluation_passes_agree_and_items_are_independent():
    model = trained_statistics()
    together = scores(model, clips(4))
    torch.testing.assert_close(
        scores(model, clips(4)), together, rtol=0, atol=0)
    assert (together[0] - together[1]).abs().max() > 1e-3
    data = clips(4)
    for i in range(4):
        alone = scores(
            model, dict(inputs=data['inputs'][i:i + 1],
                        data_samples=data['data_samples'][i:i + 1]))
        torch.testing.assert_close(alone[0], together[i])


def test_views_are_averaged():
    model = trained_statistics()
    data = clips(views=3)
    each = [
        scores(model, dict(inputs=[data['inputs'][0][v:v + 1]],
                           data_samples=data['data_samples']))
        for v in range(3)
    ]
    torch.testing.assert_close(scores(model, data), sum(each) / 3)


def test_segments_are_averaged_and_do_not_interact():
    model = trained_statistics()
    x = model.data_preprocessor(clips())['inputs']
    logits = model(x, stage='head')
    halves = [model(x[:, :, k:k + 1], stage='head') for k in range(2)]
    torch.testing.assert_close(logits, sum(halves) / 2)


def change(x, **what):
    """Logits change when the clip changes in this way."""
    out = x.clone()
    if 'negate' in what:
        out[:, :, :, 1:] *= -1
    if 'reverse' in what:
        out[:, :, :, 1:] = out[:, :, :, 1:].flip(3)
    if 'swap_keys' in what:
        out[:, :, :, 0] = out[:, :, :, 0].flip(2)
    return out


@pytest.mark.parametrize('what', ['negate', 'reverse', 'swap_keys'])
def test_sign_order_and_pairing_matter(what):
    """Negated residuals, reversed time and swapped key frames all show."""
    model = trained_statistics()
    x = model.data_preprocessor(clips(4))['inputs']
    changed = change(x, **{what: True})
    difference = model(x, stage='head') - model(changed, stage='head')
    assert difference.abs().max() > 1e-3


def test_modes():
    model = trained_statistics()
    data = model.data_preprocessor(clips(4))
    key, spiking = model(data['inputs'])  # features, as in MMAction2
    assert key.shape == (8, 64, 1, 1) and spiking.shape == (3, 8, 64, 1, 1)
    losses = model(**data, mode='loss')
    assert losses.keys() == {'loss_cls', 'top1_acc', 'top5_acc'}
    assert score_of(model(**data, mode='predict')[0]).shape == (5, )


def test_without_neck_the_branches_meet_in_the_head():
    model = trained_statistics(neck=None)
    x = model.data_preprocessor(clips(4))['inputs']
    _, spiking = model(x)
    changed = change(x, swap_keys=True)
    torch.testing.assert_close(model(changed)[1], spiking, rtol=0, atol=0)


@pytest.mark.parametrize('shape', [(2, 8, 3, 32, 32), (1, 1, 2, 1, 3, 32, 32)])
def test_bad_input_shape(shape):
    with pytest.raises(ValueError, match='KeyResidualSampler'):
        build()(torch.zeros(shape))


def test_grey_frames():
    grey = dict(in_channels=1)
    model = build(backbone={**MODEL['backbone'], **grey},
                  snn_backbone={**MODEL['snn_backbone'], **grey})
    scores, _ = model.extract_feat(
        torch.randn(1, 1, 2, 4, 1, 32, 32), stage='head')
    assert scores.shape == (1, 5)


def test_frames_without_the_sampler():
    with pytest.raises(ValueError, match='KeyResidualSampler'):
        build().extract_feat(torch.zeros(1, 8, 3, 32, 32), data_samples=[1])


def test_several_clips_are_for_tests():
    model = build()
    data = model.data_preprocessor(clips(2, views=3))
    model(**data, mode='predict')
    with pytest.raises(ValueError, match='HybridReSpike.*got 3.*num_clips=1'):
        model(**data, mode='loss')


def test_bad_backbone():
    with pytest.raises(ValueError, match='four maps'):
        build(backbone=dict(type='ResNet', depth=18, out_indices=(2, 3)))
    with pytest.raises(ValueError, match='no layer1..layer4'):
        build(backbone=dict(type='torchvision.mobilenet_v2'))
    with pytest.raises(ValueError, match='gap_before_final_norm=False'):
        build(backbone=dict(type='mmpretrain.ConvNeXt', arch='atto'))


def test_a_backbone_of_more_than_four_stages():
    backbone = dict(type='MobileNetV2', widen_factor=0.25)
    with pytest.raises(ValueError, match=r'22 of its 52.*\(1, 2, 4, 7\)'):
        build(backbone=backbone)
    model = build(backbone={**backbone, 'out_indices': (1, 2, 4, 7)})
    assert model.cls_head.in_channels == 1280 + 64


def test_swin_blocks_are_recomputed():
    """They take keyword arguments."""
    arch = dict(embed_dims=8, depths=[1] * 4, num_heads=[1] * 4)
    backbone = dict(
        type='mmpretrain.SwinTransformer', arch=arch, window_size=2,
        pad_small_map=True, drop_path_rate=0.)
    gradients = []
    for level in ('none', 'neurons'):
        model = build(backbone=backbone, checkpoint=level).train()
        losses_of(model)['loss_cls'].backward()
        gradients.append(model.backbone.patch_embed.projection.weight.grad)
    assert gradients[0].any()
    torch.testing.assert_close(*gradients)


def test_stages_of_extract_feat():
    model = build()
    x = torch.randn(1, 1, 2, 4, 3, 32, 32)
    for stage in ('backbone', 'neck'):
        assert len(model.extract_feat(x, stage=stage)[0]) == 2
    with pytest.raises(ValueError, match="'neck', 'head'.*got 'bogus'"):
        model.extract_feat(x, stage='bogus')


@pytest.mark.parametrize('mean, warns', [
    (None, False),
    ([0.] * 3, False),
    ([0., 0., 9.], True),
])
def test_the_stock_preprocessor_is_warned_of(monkeypatch, mean, warns):
    said = []
    monkeypatch.setattr(
        'respike_mm.models.recognizers.hybrid_respike.print_log',
        lambda message, *args, **kwargs: said.append(message))
    std = None if mean is None else [1.] * 3
    build(data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=mean, std=std))
    assert len(said) == warns
    assert not warns or 'model.data_preprocessor.type' in said[0]


def test_a_loss_of_single_steps_is_refused():
    head = {**MODEL['cls_head'], 'loss_cls': dict(type='TETLoss')}
    with pytest.raises(ValueError, match='ReSpikeHead.*TETLoss.*SpikingHead'):
        build(cls_head=head)


def test_unknown_option():
    with pytest.raises(TypeError):
        build(stride=4)
