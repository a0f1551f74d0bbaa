"""Accuracies from the rank of the true class.

Shapes: ``V`` clips and crops of a video, ``C`` classes, ``M`` samples.
"""
import torch
from torch import Tensor


def average_clips(scores: Tensor, softmax: bool) -> Tensor:
    """One score vector for a video, as MMAction2's heads average.

    Args:
        scores: Logits ``[V, C]``.
        softmax: Average the clips' probabilities (``'prob'`` of the heads)
            rather than their logits (``'score'``).

    Returns:
        Scores ``[C]``.
    """
    return (scores.softmax(-1) if softmax else scores).mean(0)


def label_ranks(scores: Tensor, label: int) -> Tensor:
    """How many classes come before the true one; 0 is a top-1 hit.

    Of equal scores the lower class comes first. MMAction2's top-k sorts
    unstably and reads from the end, its mean class accuracy takes the first:
    there a network whose scores are all equal gets two different predictions.

    Args:
        scores: Scores ``[..., C]``.
        label: The true class, 0 to ``C - 1``.

    Returns:
        Ranks ``[...]`` from 0 to ``C - 1``.
    """
    order = scores.argsort(dim=-1, descending=True, stable=True)
    return (order == label).int().argmax(-1)


def top_k_accuracy(ranks: Tensor, k: int) -> float:
    """Share of the ranks ``[M]`` below ``k``."""
    return (ranks < k).double().mean().item()


def mean_class_accuracy(ranks: Tensor, labels: Tensor) -> float:
    """Top-1 accuracy of every class, averaged over the classes that occur.

    Deviates from MMAction2's function, which also averages in a zero for
    every class that is predicted but not in the test set, so that there the
    denominator depends on the predictions.

    Args:
        ranks: Ranks ``[M]`` of the true class.
        labels: True classes ``[M]``.

    Returns:
        Mean accuracy, 0 to 1.
    """
    hits = (ranks == 0).double()
    return torch.stack([hits[labels == c].mean()
                        for c in labels.unique()]).mean().item()
