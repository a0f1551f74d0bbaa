import pytest
import torch
import torch.nn.functional as F
from action_samples import labelled, score_of
from mmaction.structures import ActionDataSample

from respike_mm.models import ReSpikeHead


def test_scores_by_hand():
    """Two segments of one clip; key maps of another size than spiking."""
    head = ReSpikeHead(num_classes=2, in_channels=2)
    head.fc_cls.weight.data = torch.tensor([[1., 0.], [0., 1.]])
    head.fc_cls.bias.data.zero_()
    key = torch.tensor([[[[1., 3.]]], [[[5., 7.]]]])  # [B=2, 1, 1, 2]
    spiking = torch.tensor([1., 10., 3., 20.]).view(2, 2, 1, 1, 1)  # [S, B]
    segments = head.segment_scores((key, spiking))
    assert segments.tolist() == [[2., 2.], [6., 15.]]
    assert head((key, spiking), num_segs=2).tolist() == [[4., 8.5]]


def test_views_are_averaged_by_basehead():
    head = ReSpikeHead(num_classes=2, in_channels=2, average_clips='score')
    feats = torch.randn(6, 1, 2, 2), torch.randn(3, 6, 1, 2, 2)
    samples = head.predict(feats, [ActionDataSample()], num_segs=2)
    expected = head.segment_scores(feats).mean(0)
    torch.testing.assert_close(score_of(samples[0]), expected)


def test_loss_from_the_registry():
    head = ReSpikeHead(
        num_classes=3,
        in_channels=2,
        label_smooth_eps=0.1,
        loss_cls=dict(type='CrossEntropyLoss', loss_weight=2.))
    feats = torch.randn(2, 1, 2, 2), torch.randn(3, 2, 1, 2, 2)
    samples = [labelled(i) for i in (0, 2)]
    losses = head.loss(feats, samples, num_segs=1)
    logits = head(feats, num_segs=1)
    target = torch.full((2, 3), 0.1 / 3)
    target[0, 0] += 0.9
    target[1, 2] += 0.9
    expected = -2 * (target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(losses['loss_cls'], expected)


def test_branch_loss_is_each_branch_alone():
    torch.manual_seed(0)
    head = ReSpikeHead(num_classes=3, in_channels=5, branch_loss=0.8)
    # Two segments each of two clips; two key channels, three spiking ones.
    key, spiking = torch.randn(4, 2, 2, 2), torch.randn(3, 4, 3, 2, 2)
    samples, labels = [labelled(2), labelled(0)], torch.tensor([2, 0])
    losses = head.loss((key, spiking), samples, num_segs=2)

    def alone(key, spiking):
        scores = head((key, spiking), num_segs=2)
        return F.cross_entropy(scores, labels)

    for name, expected in (('cls', 0.2 * alone(key, spiking)),
                           ('key', 0.8 * alone(key, 0 * spiking)),
                           ('spiking', 0.8 * alone(0 * key, spiking))):
        torch.testing.assert_close(losses[f'loss_{name}'], expected)


@pytest.mark.parametrize('key_weight', [0., 0.3])
def test_key_weight_scales_the_key_part_of_the_sum_only(key_weight):
    torch.manual_seed(0)
    head, plain = (
        ReSpikeHead(num_classes=3, in_channels=5, branch_loss=0.8, **weight)
        for weight in (dict(key_weight=key_weight), {}))
    plain.load_state_dict(head.state_dict())
    key, spiking = torch.randn(4, 2, 2, 2), torch.randn(3, 4, 3, 2, 2)
    samples = [labelled(2), labelled(0)]
    scores = head((key, spiking), num_segs=2)
    torch.testing.assert_close(
        scores, plain((key_weight * key, spiking), num_segs=2))
    losses = head.loss((key, spiking), samples, num_segs=2)
    unweighted = plain.loss((key, spiking), samples, num_segs=2)
    torch.testing.assert_close(
        losses['loss_cls'],
        0.2 * F.cross_entropy(scores, torch.tensor([2, 0])))
    for name in ('loss_key', 'loss_spiking'):
        torch.testing.assert_close(losses[name], unweighted[name])


def test_key_weight_is_not_negative():
    with pytest.raises(ValueError, match='key_weight must not be negative'):
        ReSpikeHead(num_classes=3, in_channels=2, key_weight=-1.)


def test_without_branch_loss_there_is_one_loss():
    feats = torch.randn(2, 1, 2, 2), torch.randn(3, 2, 1, 2, 2)
    losses = ReSpikeHead(num_classes=3, in_channels=2).loss(
        feats, [labelled(1)], num_segs=2)
    assert [name for name in losses if 'loss' in name] == ['loss_cls']


def test_branch_loss_is_a_share():
    with pytest.raises(ValueError, match='branch_loss must be from 0 to 1'):
        ReSpikeHead(num_classes=3, in_channels=2, branch_loss=1.5)


def test_init_cfg_comes_last():
    constant = dict(type='Constant', layer='Linear', val=3.)
    head = ReSpikeHead(num_classes=3, in_channels=2, init_cfg=constant)
    head.init_weights()
    assert (head.fc_cls.weight == 3).all()


def test_initial_weights():
    torch.manual_seed(0)
    head = ReSpikeHead(num_classes=100, in_channels=200, init_std=0.02)
    head.init_weights()
    assert head.fc_cls.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not head.fc_cls.bias.any()


@pytest.mark.parametrize('branch_loss', [0., 0.5])
def test_dropout_of_everything_leaves_the_bias(branch_loss):
    torch.manual_seed(0)
    head = ReSpikeHead(num_classes=3, in_channels=2, dropout_ratio=1.,
                       branch_loss=branch_loss)
    feats = torch.rand(2, 1, 2, 2), torch.rand(3, 2, 1, 2, 2)
    bias = head.fc_cls.bias
    torch.testing.assert_close(head(feats, 2)[0], bias)
    loss = sum(value for name, value in head.loss(
        feats, [labelled(1)], num_segs=2).items() if 'loss' in name)
    # (1 - b) of the sum's and b of each branch's: all are of the bias.
    expected = (1 + branch_loss) * F.cross_entropy(bias[None],
                                                   torch.tensor([1]))
    torch.testing.assert_close(loss, expected)
    assert (head.eval()(feats, 2)[0] - bias).abs().max() > 1e-3
