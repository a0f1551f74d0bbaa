"""The paper's qualitative claims, held against our runs one by one.

A claim says that one row of the tables is better than another. Ours is the
mean difference of top-1 accuracy, paired by seed, with its 95 % confidence
interval (Student's t). The claim *holds* if the whole interval lies above
zero, *does not hold* if it lies below, and is *within noise* otherwise.
"""
import math
import statistics
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from scipy import stats

from . import paper
from .summary import per_seed, rows_of, splits_of

HOLDS, FAILS, NOISE = 'holds', 'does not hold', 'within noise'
ONE_SEED, NOT_RUN = 'no verdict: one seed', 'not run'
CONFIDENCE = 0.95


class Claim(NamedTuple):
    """One row is better than another, says a section of the paper."""
    text: str
    better: str
    worse: str
    section: str = 'Ablation'


CLAIMS = tuple(
    [
        Claim('hybrid above one branch alone (5.3)', 'E9', other)
        for other in ('E4', 'E5', 'E6', 'E7')
    ] + [
        Claim('SNN better on residuals than on all RGB frames (5.3)', 'E6',
              'E2'),
        Claim('SNN better on residuals than on key frames (5.3)', 'E6', 'E7'),
        Claim('ANN worse on residuals than on all RGB frames (5.3)', 'E1',
              'E5'),
        Claim('ANN worse on residuals than on key frames (5.3)', 'E4', 'E5'),
        Claim('attention above no attention (5.3)', 'E9', 'E8'),
        Claim('key and residual frames above all frames (5.3)', 'E9', 'E3'),
        Claim('hybrid above ANN on all frames (5.3)', 'E9', 'E1'),
        Claim('hybrid above SNN on all frames (5.3)', 'E9', 'E2'),
    ])


class Verdict(NamedTuple):
    """What our runs say about a claim; differences in percentage points."""
    claim: Claim
    verdict: str
    difference: Optional[float] = None
    std: Optional[float] = None  # of the paired differences
    interval: Optional[Tuple[float, float]] = None
    pairs: int = 0  # seeds that both rows have; 0 if unpaired
    paper: Optional[float] = None  # the paper's difference


def check_claims(results: Dict[str, Any]) -> List[Verdict]:
    """Verdicts on all claims from one data set's results."""
    verdicts = []
    for claim in CLAIMS:
        rows = rows_of(results['runs'], claim.section)
        pair = [rows.get(name, []) for name in (claim.better, claim.worse)]
        # Of a benchmark that is still going on, what both have been run on.
        common = sorted(set.intersection(*(set(splits_of(x)) for x in pair)))
        better, worse = (per_seed(x, 'top1', common) if common else {}
                         for x in pair)
        theirs = [
            paper.accuracy(claim.section, name, results['paper'])
            for name in (claim.better, claim.worse)
        ]
        verdict = judge(claim, better, worse)
        if None not in theirs:
            verdict = verdict._replace(paper=theirs[0] - theirs[1])
        verdicts.append(verdict)
    return verdicts


def judge(claim: Claim, better: Dict[int, float],
          worse: Dict[int, float]) -> Verdict:
    """Compare two rows' accuracies by seed, in percent.

    Where two seeds or more are common to both, these are paired; otherwise
    all seeds are compared without pairing (Welch).
    """
    if not better or not worse:
        return Verdict(claim, NOT_RUN)
    common = sorted(set(better) & set(worse))
    if len(common) > 1:
        differences = [better[seed] - worse[seed] for seed in common]
        mean, std = statistics.mean(differences), statistics.stdev(differences)
        half = half_width(std / math.sqrt(len(common)), len(common) - 1)
    else:
        mean = statistics.mean(better.values()) - statistics.mean(
            worse.values())
        std, half = None, welch(list(better.values()), list(worse.values()))
    if half is None:
        return Verdict(claim, ONE_SEED, mean)
    interval = (mean - half, mean + half)
    verdict = HOLDS if interval[0] > 0 else FAILS if interval[1] < 0 else NOISE
    return Verdict(claim, verdict, mean, std, interval,
                   len(common) if std is not None else 0)


def half_width(error: float, freedom: float) -> float:
    """Half a confidence interval from the standard error of a mean."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error


def welch(a: List[float], b: List[float]) -> Optional[float]:
    """Half the interval of a difference of unpaired means.

    None where either has one value only, and so no spread.
    """
    if len(a) < 2 or len(b) < 2:
        return None
    parts = [statistics.variance(x) / len(x) for x in (a, b)]
    error = math.sqrt(sum(parts))
    if not error:
        return 0.
    freedom = sum(parts)**2 / sum(
        part**2 / (len(x) - 1) for part, x in zip(parts, (a, b)))
    return half_width(error, freedom)
