import pytest
import torch
import torch.nn.functional as F
from action_samples import labelled, score_of
from mmaction.registry import MODELS

from respike_mm.models import SpikingHead

LABELS = [2, 0]  # of two clips


def head(**options):
    """On two channels, three classes; logits are easily worked by hand."""
    head = SpikingHead(
        num_classes=3, in_channels=2, dropout_ratio=0, topk=(1, ), **options)
    head.fc_cls.weight.data = torch.tensor([[1., 0.], [0., 1.], [1., 1.]])
    head.fc_cls.bias.data.zero_()
    return head


@pytest.fixture
def feats():
    """Maps of two clips of three steps, ``[N * S, C, H, W]``."""
    torch.manual_seed(0)
    return torch.randn(6, 2, 4, 4).cumsum(0)


def step_logits(feats):
    """Logits ``[N, S, classes]`` by hand."""
    a, b = feats.mean((2, 3)).unbind(1)
    return torch.stack([a, b, a + b], dim=1).view(2, 3, 3)


def test_scores_are_the_mean_over_time(feats):
    torch.testing.assert_close(head()(feats, num_segs=3),
                               step_logits(feats).mean(1))


def test_per_step_loss_sees_every_step(feats):
    losses = head(loss_cls=dict(type='TETLoss', lamb=0.1)).loss(
        feats, [labelled(i) for i in LABELS], num_segs=3)
    steps, labels = step_logits(feats), torch.tensor(LABELS)
    entropy = sum(F.cross_entropy(steps[:, t], labels) for t in range(3)) / 3
    expected = 0.9 * entropy + 0.1 * ((steps - 1)**2).mean()
    torch.testing.assert_close(losses['loss_cls'], expected)
    accuracy = (steps.argmax(2) == labels[:, None]).float().mean()
    assert losses['top1_acc'].item() == pytest.approx(accuracy.item())


def test_ordinary_loss_sees_the_mean(feats):
    losses = head().loss(feats, [labelled(i) for i in LABELS], num_segs=3)
    expected = F.cross_entropy(step_logits(feats).mean(1),
                               torch.tensor(LABELS))
    torch.testing.assert_close(losses['loss_cls'], expected)


def test_label_smoothing(feats):
    losses = head(
        label_smooth_eps=0.3, loss_cls=dict(type='TETLoss', lamb=0)).loss(
            feats, [labelled(i) for i in LABELS], num_segs=3)
    expected = F.cross_entropy(
        step_logits(feats).flatten(0, 1),
        torch.tensor(LABELS).repeat_interleave(3),
        label_smoothing=0.3)
    torch.testing.assert_close(losses['loss_cls'], expected)


def recognizer(**options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='ClipRecognizer2D',
            clip_len=3,
            backbone=dict(type='SNNResNet', base_channels=4, num_steps=3),
            cls_head=dict(
                type='SpikingHead', num_classes=5, in_channels=32, **options)))


@torch.no_grad()
@pytest.mark.parametrize('average_clips', ['prob', 'score'])
def test_clips_of_a_video_are_scored_apart(average_clips):
    model = recognizer(average_clips=average_clips)
    model(torch.randn(4, 3, 3, 32, 32))  # statistics that let neurons fire
    model.eval()
    torch.nn.init.normal_(model.cls_head.fc_cls.weight)
    clips = torch.randn(2, 2, 3, 3, 32, 32) * 2  # [N, V, T, C, H, W]
    samples = model(
        clips.flatten(1, 2), [labelled(0), labelled(1)], mode='predict')
    logits = torch.stack([
        model.cls_head(model.backbone(clip), num_segs=3)[0]
        for clip in clips.flatten(0, 1)
    ]).view(2, 2, 5)
    scores = logits.softmax(2) if average_clips == 'prob' else logits
    for sample, expected in zip(samples, scores.mean(1)):
        torch.testing.assert_close(score_of(sample), expected)


@pytest.mark.parametrize('loss', ['TETLoss', 'CrossEntropyLoss'])
def test_every_parameter_gets_a_gradient(loss):
    model = recognizer(loss_cls=dict(type=loss))
    model.init_weights()
    losses = model(
        torch.randn(4, 3, 3, 32, 32) * 2, [labelled(i) for i in range(4)],
        mode='loss')
    losses['loss_cls'].backward()
    for name, param in model.named_parameters():
        assert param.grad.isfinite().all() and param.grad.any(), name
