import pytest
import torch
from action_samples import labelled, score_of
from mmaction.registry import MODELS

CONFIG = dict(
    backbone=dict(
        type='ResNet',
        depth=18,
        num_stages=1,
        strides=(1, ),
        dilations=(1, ),
        out_indices=(0, )),
    cls_head=dict(type='TSNHead', num_classes=5, in_channels=64))


@pytest.fixture
def models():
    """The stock recognizer and ours, with the same weights."""
    stock = MODELS.build(dict(type='Recognizer2D', **CONFIG)).eval()
    ours = MODELS.build(
        dict(type='ClipRecognizer2D', clip_len=3, **CONFIG)).eval()
    ours.load_state_dict(stock.state_dict())
    return stock, ours


@torch.no_grad()
def predict(model, inputs):
    samples = model(inputs, [labelled(0) for _ in inputs], 'predict')
    return torch.stack([score_of(sample) for sample in samples])


def test_a_clip_is_predicted_as_if_it_were_alone(models):
    """Two videos of two clips of three frames."""
    stock, ours = models
    inputs = torch.randn(2, 2, 3, 3, 32, 32)
    alone = torch.stack(
        [predict(stock, clip.contiguous()) for clip in inputs.unbind(1)])
    together = predict(ours, inputs.flatten(1, 2))
    assert together.shape == (2, 2, 5)
    torch.testing.assert_close(together, alone.squeeze(2).transpose(0, 1))


def test_one_clip_is_the_stock_recognizer(models):
    stock, ours = models
    inputs, labels = torch.randn(2, 3, 3, 32, 32), [labelled(1), labelled(4)]
    losses = [model(inputs, labels, 'loss')['loss_cls']
              for model in (stock, ours)]
    torch.testing.assert_close(losses[0], losses[1])
    losses[1].backward()
    assert all(p.grad.isfinite().all() and p.grad.any()
               for p in ours.parameters())


def test_frames_that_are_no_whole_clips(models):
    with pytest.raises(ValueError, match='4 frames.*clip_len=3'):
        predict(models[1], torch.randn(1, 4, 3, 32, 32))


def test_training_takes_one_clip(models):
    """Two clips of three frames under one label."""
    with pytest.raises(ValueError, match='ClipRecognizer2D.*got 2.*num_clips'):
        models[1](torch.randn(1, 6, 3, 32, 32), [labelled(0)], 'loss')


def test_clip_len_is_positive():
    with pytest.raises(ValueError, match='clip_len takes integers above 0'):
        MODELS.build(dict(type='ClipRecognizer2D', clip_len=0, **CONFIG))


def of_four_frames(backbone, head='TSNHead', loss='CrossEntropyLoss'):
    return MODELS.build(
        dict(
            type='ClipRecognizer2D',
            clip_len=4,
            backbone=backbone,
            cls_head=dict(
                type=head, num_classes=5, in_channels=32,
                loss_cls=dict(type=loss))))


MS_RESNET = dict(type='MSResNet', base_channels=4)
TWO_STREAM = dict(
    type='ResidualTwoStreamResNet',
    stream=dict(type='mmpretrain.ResNet', depth=18, base_channels=4,
                stem_channels=4))


@pytest.mark.parametrize('backbone, message', [
    (dict(**MS_RESNET, num_steps=8), 'clip_len=4 .* num_steps=8'),
    (dict(**MS_RESNET, num_steps=3), 'clip_len=4 .* num_steps=3'),
    (dict(**TWO_STREAM, clip_len=8), 'clip_len=4 .* clip_len=8'),
    (dict(type='ResNetTSM', depth=50, num_segments=8),
     'clip_len=4 .* num_segments=8'),
])
def test_backbones_that_would_join_videos(backbone, message):
    with pytest.raises(ValueError, match=f'{message}.*model.backbone'):
        of_four_frames(backbone)


@pytest.mark.parametrize('num_steps', [2, 4, None])
def test_backbones_that_keep_to_a_clip(num_steps):
    """Two sequences a clip are two segments."""
    of_four_frames(dict(**MS_RESNET, num_steps=num_steps))


def test_a_loss_of_single_steps_needs_their_scores():
    with pytest.raises(ValueError, match='TSNHead.*TETLoss.*SpikingHead'):
        of_four_frames(MS_RESNET, 'TSNHead', 'TETLoss')
    of_four_frames(MS_RESNET, 'SpikingHead', 'TETLoss')


def test_without_a_head():
    model = MODELS.build(
        dict(
            type='ClipRecognizer2D', clip_len=3, backbone=CONFIG['backbone']))
    feats, _ = model.extract_feat(torch.randn(2, 3, 3, 32, 32))
    assert len(feats) == 6
