from math import log

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS

from respike_mm.models import TETLoss


def test_by_hand():
    """One clip of two steps and two classes, label 0.

    Step 1 says 1/2, step 2 says 3/4 for class 0: cross-entropies log 2 and
    log 4/3. Squared distances of the four logits to 1: 1, 1, (log 3 - 1)^2
    and 1.
    """
    steps = torch.tensor([[0., 0.], [log(3), 0.]])
    loss = TETLoss(lamb=0.05)(steps, torch.tensor([0, 0]))
    cross_entropy = (log(2) + log(4 / 3)) / 2
    squares = (1 + 1 + (log(3) - 1)**2 + 1) / 4
    assert loss.item() == pytest.approx(0.95 * cross_entropy + 0.05 * squares)
    # Not the cross-entropy of the mean logits, which is lower.
    mean = F.cross_entropy(steps.mean(0, keepdim=True), torch.tensor([0]))
    assert cross_entropy > mean.item() + 0.01


def test_gradient_by_hand():
    """(1 - lamb) (p - y) / rows + lamb 2 (O - phi) / logits."""
    steps = torch.tensor([[0., 0.], [log(3), 0.]], requires_grad=True)
    TETLoss(lamb=0.2, phi=0.5)(steps, torch.tensor([0, 0])).backward()
    entropy = torch.tensor([[-0.5, 0.5], [-0.25, 0.25]]) / 2
    squares = 2 * (steps.detach() - 0.5) / 4
    torch.testing.assert_close(steps.grad, 0.8 * entropy + 0.2 * squares)


@pytest.mark.parametrize('lamb', [0., 0.3, 1.])
def test_equals_the_loop_over_steps(lamb):
    torch.manual_seed(0)
    scores, labels = torch.randn(4, 6, 5), torch.tensor([4, 0, 2, 2])
    loss = sum(
        (1 - lamb) * F.cross_entropy(scores[:, t], labels) + lamb *
        ((scores[:, t] - 1)**2).mean() for t in range(6)) / 6
    rows = scores.flatten(0, 1), labels.repeat_interleave(6)
    torch.testing.assert_close(TETLoss(lamb=lamb)(*rows), loss)


def test_weights():
    torch.manual_seed(0)
    scores, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    loss = MODELS.build(
        dict(
            type='TETLoss', lamb=0.1, loss_weight=3.,
            class_weight=[1., 2., 5.]))
    weighted = F.cross_entropy(scores, labels, torch.tensor([1., 2., 5.]))
    expected = 3 * (0.9 * weighted + 0.1 * ((scores - 1)**2).mean())
    torch.testing.assert_close(loss(scores, labels), expected)


def test_soft_labels():
    scores, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    soft = F.one_hot(labels, 3).float()
    torch.testing.assert_close(TETLoss()(scores, soft),
                               TETLoss()(scores, labels))


def test_bad_options():
    with pytest.raises(ValueError, match='lamb must be from 0 to 1'):
        TETLoss(lamb=1.5)
    with pytest.raises(TypeError):
        TETLoss(means=1.)
