import math

import numpy as np
import pytest
import torch
from mmaction.evaluation import mean_class_accuracy as mmaction_mean_class

from respike_mm.evaluation.functional import (average_clips, label_ranks,
                                              mean_class_accuracy,
                                              top_k_accuracy)


def test_average_by_hand():
    """Logits ln 9 and 0 are probabilities 0.9 and 0.1."""
    scores = torch.tensor([[math.log(9), 0.], [0., math.log(3)]])
    torch.testing.assert_close(
        average_clips(scores, softmax=True),
        torch.tensor([(0.9 + 0.25) / 2, (0.1 + 0.75) / 2]))
    torch.testing.assert_close(
        average_clips(scores, softmax=False),
        torch.tensor([math.log(9) / 2, math.log(3) / 2]))


def test_ranks_by_hand():
    scores = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    for label, ranks in enumerate([[2, 0], [0, 2], [1, 1]]):
        assert label_ranks(scores, label).tolist() == ranks


def test_equal_scores_are_not_a_hit_for_every_class():
    ranks = [label_ranks(torch.zeros(1000), c).item() for c in range(1000)]
    assert ranks == list(range(1000))


def test_top_k_counts_ranks_below_k():
    ranks = torch.tensor([0, 0, 1, 4, 5])
    assert top_k_accuracy(ranks, 1) == 2 / 5
    assert top_k_accuracy(ranks, 2) == 3 / 5
    assert top_k_accuracy(ranks, 5) == 4 / 5


def test_mean_class_by_hand():
    """Three of four right in class 0, none of one in class 2: 3/8, not 3/5."""
    ranks = torch.tensor([0, 0, 1, 0, 1])
    labels = torch.tensor([0, 0, 0, 0, 2])
    assert mean_class_accuracy(ranks, labels) == pytest.approx(3 / 8)


def test_where_mmaction_differs():
    """Class 1 is predicted but not in the test set.

    MMAction2 averages a zero for it: 1/4. With the wrong prediction on a
    class that occurs, (1/2 + 1) / 2, both agree.
    """
    labels = [0, 0]
    scores = np.array([[1., 0., 0.], [0., 1., 0.]])
    assert mmaction_mean_class(scores, labels) == 1 / 4
    ranks = torch.tensor([0, 1])
    assert mean_class_accuracy(ranks, torch.tensor(labels)) == 1 / 2
    labels, scores = [0, 0, 2], np.array(
        [[1., 0., 0.], [0., 0., 1.], [0., 0., 1.]])
    assert mmaction_mean_class(scores, labels) == 3 / 4
    ranks = torch.tensor([0, 1, 0])
    assert mean_class_accuracy(ranks, torch.tensor(labels)) == 3 / 4
