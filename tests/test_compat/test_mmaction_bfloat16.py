import pytest
import torch
from mmaction.models.heads import TSNHead
from mmaction.structures import ActionDataSample

from respike_mm.compat.mmaction_bfloat16 import to_float32


@pytest.fixture
def head():
    return TSNHead(
        num_classes=2, in_channels=4, topk=(1, ), average_clips='prob')


@pytest.fixture
def samples():
    samples = [ActionDataSample(), ActionDataSample()]
    for label, sample in enumerate(samples):
        # The setter's name differs between 1.1.0 and 1.2.0.
        set_label = getattr(sample, 'set_gt_label', None)
        (set_label or sample.set_gt_labels)(label)
    return samples


def autocast():
    return torch.autocast('cpu', dtype=torch.bfloat16)


def test_stock_head_trains_under_autocast(head, samples):
    with autocast():
        losses = head.loss(torch.rand(6, 4, 2, 2), samples, num_segs=3)
    losses['loss_cls'].backward()
    assert losses['loss_cls'].dtype == torch.float32
    assert head.fc_cls.weight.grad.abs().sum() > 0


def test_scores_made_within_a_loss_are_cast(head, samples):
    losses = head.loss_by_feat(
        torch.rand(2, 2).to(torch.bfloat16), samples)
    assert losses['loss_cls'].dtype == torch.float32
    assert 0 <= losses['top1_acc'] <= 1


def test_stock_head_predicts_numbers_for_numpy(head, samples):
    with autocast(), torch.no_grad():
        samples = head.predict(torch.rand(6, 4, 2, 2), samples, num_segs=3)
    for sample in samples:
        score = sample.get('pred_score')
        if score is None:  # 1.1.0
            score = sample.pred_scores.item
        assert score.numpy().sum() == pytest.approx(1)


def test_only_bfloat16_is_cast():
    values = [1., 0.5, -2.]
    half, double = (torch.tensor(values, dtype=dtype)
                    for dtype in (torch.float16, torch.float64))
    brain = torch.tensor(values, dtype=torch.bfloat16)

    assert to_float32(half) is half and to_float32(double) is double
    cast = to_float32(dict(rgb=brain, pose=(brain, half), name='x'))
    assert cast['rgb'].dtype == cast['pose'][0].dtype == torch.float32
    assert cast['rgb'].tolist() == values
    assert cast['pose'][1] is half and cast['name'] == 'x'
