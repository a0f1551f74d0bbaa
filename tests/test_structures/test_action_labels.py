import pytest
import torch
from action_samples import labelled

from respike_mm.structures import (label_of, labels_of, scores_of, set_scores,
                                   video_scores)


@pytest.mark.parametrize('label, expected', [
    (3, [3]),
    (0, [0]),
    (-1, [-1]),
    (torch.tensor([0., 1., 0., 0., 1.]), [1, 4]),
    (torch.tensor([1., 0.]), [0]),
    (torch.zeros(3), []),
])
def test_labels(label, expected):
    """Of one label, of inference, and of ``multi_class``."""
    sample = labelled(label)
    assert labels_of(sample) == expected
    if len(expected) == 1:
        assert label_of(sample) == expected[0]
    else:
        with pytest.raises(ValueError, match='one label a sample'):
            label_of(sample)


def test_scores_of_a_video():
    """Whether or not the head averages its views."""
    views = torch.tensor([[1., 4.], [3., 0.]])
    sample = set_scores(labelled(0), views)
    assert torch.equal(scores_of(sample), views)
    assert video_scores(sample).tolist() == [2, 2]
    assert video_scores(set_scores(labelled(0), views[0])).tolist() == [1, 4]
