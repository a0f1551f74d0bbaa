from math import exp, log

import pytest
import torch
from action_samples import labelled, score_of
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from respike_mm.models import AdaScanHead
from respike_mm.models.heads.adascan_head import (adaptive_scan_pool,
                                                  importance_entropy)


def scalars(*values):
    """One clip of frames with one feature, ``[1, T, 1]``."""
    return torch.tensor(values).view(1, -1, 1)


def fixed(*values):
    """Importances that follow the order of the frames, whatever they hold."""
    values = iter(values)
    return lambda pooled, frame: torch.full_like(frame[:, :1], next(values))


def small_head(**options):
    torch.manual_seed(0)
    options = {**dict(num_classes=3, in_channels=16, clip_len=4), **options}
    head = AdaScanHead(**options)
    head.init_weights()
    return head


def test_scan_by_hand():
    pooled, weights = adaptive_scan_pool(
        scalars(4., 9., 5.), lambda pooled, frame: (2 * frame - pooled) / 20)
    # g1 = (8 - 0) / 20 = 0.4, p1 = 4
    # g2 = (18 - 4) / 20 = 0.7, p2 = (0.4 * 4 + 0.7 * 9) / 1.1 = 7.9 / 1.1
    # g3 = (10 - p2) / 20, p3 = (7.9 + 5 * g3) / (1.1 + g3)
    third = (10 - 7.9 / 1.1) / 20
    torch.testing.assert_close(weights, torch.tensor([[0.4, 0.7, third]]))
    torch.testing.assert_close(
        pooled, torch.tensor([[(7.9 + 5 * third) / (1.1 + third)]]))


@pytest.mark.parametrize('weight', [1., 0.3])
def test_equal_importances_are_the_mean(weight):
    features = torch.randn(2, 5, 3)
    pooled, _ = adaptive_scan_pool(features, fixed(*[weight] * 5))
    torch.testing.assert_close(pooled, features.mean(1))


@pytest.mark.parametrize('absent', [0, 1, 2])
def test_a_frame_without_importance_is_absent(absent):
    features, weights = torch.randn(2, 3, 4), [0.2, 0.9, 0.5]
    weights[absent] = 0.
    others = [t for t in range(3) if t != absent]
    pooled, _ = adaptive_scan_pool(features, fixed(*weights))
    expected, _ = adaptive_scan_pool(features[:, others],
                                     fixed(*[weights[t] for t in others]))
    torch.testing.assert_close(pooled, expected)


def test_no_importance_at_all_stays_finite():
    features = torch.randn(2, 3, 4, requires_grad=True)
    logit = torch.full((1, ), -200., requires_grad=True)
    pooled, _ = adaptive_scan_pool(
        features, lambda pooled, frame: logit.sigmoid().expand(2, 1))
    pooled.sum().backward()
    assert pooled.tolist() == [[0.] * 4] * 2
    assert features.grad.isfinite().all() and logit.grad.isfinite().all()


def test_entropy_by_hand():
    # Softmax of (0, log 2) is (1/3, 2/3), of equal importances (1/2, 1/2).
    importances = torch.tensor([[0., log(2)], [0.4, 0.4]])
    first = log(3) / 3 + 2 * log(1.5) / 3
    assert importance_entropy(importances).item() == pytest.approx(
        (first + log(2)) / 2)


def test_minimised_entropy_prefers_one_frame():
    importances = torch.tensor([[0.2, 0.5, 0.3]], requires_grad=True)
    importance_entropy(importances).backward()
    down = -importances.grad[0]
    assert down[1] > 0 > down[0] and down[2] < 0


def test_perceptron_sees_the_difference_to_the_pool():
    """By hand: tanh(tanh(x)) of one channel, halved, through a sigmoid."""
    head = AdaScanHead(
        num_classes=2, in_channels=2, clip_len=2, hidden_channels=(1, 1))
    for layer, weight in zip(head.importance_mlp[::2],
                             ([[1., 0.]], [[1.]], [[0.5]])):
        layer.weight.data = torch.tensor(weight)
        layer.bias.data.zero_()
    pooled, frame = torch.tensor([[1., 7.]]), torch.tensor([[3., -7.]])
    inner = torch.tensor(2.).tanh().tanh() / 2
    assert head.importance(pooled, frame).item() == pytest.approx(
        1 / (1 + exp(-inner)))


def test_scores_follow_the_importances():
    """Maps are averaged over the grid; the scan's pool is classified."""
    head = small_head(clip_len=2, dropout_ratio=0.).eval()
    feats = torch.randn(6, 16, 2, 3)
    scores, importances = head.scan(feats, num_segs=2)
    frames = feats.mean((2, 3)).view(3, 2, 16)
    share = (importances / importances.sum(1, keepdim=True))[..., None]
    torch.testing.assert_close(scores, head.fc_cls((share * frames).sum(1)))
    assert ((importances > 0) & (importances < 1)).all()
    assert importances.std() > 0.01


def test_order_matters_and_clips_do_not_mix():
    head = small_head().eval()
    feats = torch.randn(8, 16, 2, 2) * 5
    scores = head(feats, num_segs=8)  # two clips of one video
    assert scores.shape == (2, 3)
    for clip in range(2):
        alone = head(feats[4 * clip:4 * clip + 4], num_segs=4)
        torch.testing.assert_close(scores[clip:clip + 1], alone)
    backwards = head(feats[:4].flip(0), num_segs=4)
    assert (backwards - scores[:1]).abs().max() > 1e-5


def test_clips_are_averaged_by_basehead():
    head = small_head(average_clips='prob').eval()
    feats = torch.randn(8, 16, 2, 2)
    sample, = head.predict(
        feats, [ActionDataSample()], num_segs=8, fcn_test=False, loss_aux={})
    expected = head(feats, num_segs=8).softmax(1).mean(0)
    torch.testing.assert_close(score_of(sample), expected)


def test_loss_adds_the_weighted_entropy():
    head = small_head(entropy_weight=2.5).eval()
    feats = torch.randn(8, 16, 2, 2)
    losses = head.loss(
        feats, [labelled(0), labelled(2)], num_segs=4, loss_aux={})
    scores, importances = head.scan(feats, num_segs=4)
    torch.testing.assert_close(losses['loss_entropy'],
                               2.5 * importance_entropy(importances))
    torch.testing.assert_close(
        losses['loss_cls'],
        torch.nn.functional.cross_entropy(scores, torch.tensor([0, 2])))


def test_several_clips_in_training_are_refused():
    feats = torch.randn(16, 16, 2, 2)
    with pytest.raises(ValueError, match='AdaScanHead .* got 2'):
        small_head().loss(feats, [labelled(0), labelled(2)], num_segs=8)


def test_every_parameter_gets_a_gradient():
    head = small_head(entropy_weight=0.)
    feats = torch.randn(8, 16, 2, 2, requires_grad=True)
    head.loss(feats, [labelled(0), labelled(2)], num_segs=4)['loss_cls'] \
        .backward()
    for name, param in [*head.named_parameters(), ('feats', feats)]:
        assert param.grad.isfinite().all() and param.grad.any(), name


def test_half_precision_maps_are_pooled_in_float32():
    head = small_head().eval()
    feats = torch.randn(4, 16, 2, 2).bfloat16()
    torch.testing.assert_close(
        head(feats, num_segs=4), head(feats.float(), num_segs=4))


def test_loss_under_autocast():
    head = small_head().eval()
    feats, labels = torch.randn(8, 16, 2, 2), [labelled(0), labelled(2)]
    exact = head.loss(feats, labels, num_segs=4)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rough = head.loss(feats, labels, num_segs=4)
    for name in ('loss_cls', 'loss_entropy'):
        torch.testing.assert_close(
            rough[name], exact[name], rtol=0.02, atol=0, check_dtype=False)


def test_recognizer2d_trains_and_tests_it():
    model = MODELS.build(
        dict(
            type='Recognizer2D',
            backbone=dict(
                type='mmpretrain.ResNet',
                depth=18,
                stem_channels=8,
                base_channels=4),
            cls_head=dict(
                type='AdaScanHead',
                num_classes=5,
                in_channels=32,
                clip_len=4,
                average_clips='prob'),
            data_preprocessor=dict(type='ActionDataPreprocessor')))
    model.init_weights()
    samples = [labelled(1), labelled(4)]
    losses = model(torch.randn(2, 4, 3, 32, 32), samples, mode='loss')
    assert {'loss_cls', 'loss_entropy'} <= set(losses)
    model.eval()
    views = torch.randn(2, 12, 3, 32, 32)
    with torch.no_grad():
        together = model(views, samples, mode='predict')
        clips = model(views.view(6, 4, 3, 32, 32), mode='tensor')
        scores = model.cls_head(clips, num_segs=4).view(2, 3, 5)
    for sample, expected in zip(together, scores.softmax(2).mean(1)):
        torch.testing.assert_close(score_of(sample), expected)


def test_frames_that_are_no_whole_clips():
    with pytest.raises(ValueError, match='6 frames.*clip_len=4.*cls_head'):
        small_head()(torch.randn(6, 16, 2, 2), num_segs=6)


def test_bad_options():
    with pytest.raises(ValueError, match='clip_len must be at least 1'):
        small_head(clip_len=0)
    with pytest.raises(TypeError):
        small_head(entropy=1.)


def test_init_cfg_comes_last():
    head = small_head(init_cfg=dict(type='Constant', layer='Linear', val=3.))
    assert (head.fc_cls.weight == 3).all()
    assert (head.importance_mlp[0].weight == 3).all()
