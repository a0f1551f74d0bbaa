import mini_benchmark as mini
import pytest
from _bench.claims import (CLAIMS, FAILS, HOLDS, NOISE, NOT_RUN, ONE_SEED,
                           Claim, check_claims, judge)

CLAIM = Claim('better', 'E9', 'E8')


def by_seed(*values):
    return dict(enumerate(values))


def test_holds():
    """Differences 4, 5, 6: 5 +- 1, interval 5 +- 4.303 / sqrt(3)."""
    verdict = judge(CLAIM, by_seed(84, 75, 96), by_seed(80, 70, 90))
    assert verdict.verdict == HOLDS
    assert verdict.difference == 5 and verdict.std == 1 and verdict.pairs == 3
    assert verdict.interval == pytest.approx((2.516, 7.484), abs=1e-3)


def test_does_not_hold():
    verdict = judge(CLAIM, by_seed(80, 70, 90), by_seed(84, 75, 96))
    assert verdict.verdict == FAILS and verdict.difference == -5


@pytest.mark.parametrize('better', [(82, 70, 94), (78, 70, 92)])
def test_within_noise(better):
    """Differences 2, 0, 4: 2 +- 2, interval 2 +- 4.97; or -2, 0, 2."""
    verdict = judge(CLAIM, by_seed(*better), by_seed(80, 70, 90))
    assert verdict.verdict == NOISE
    assert verdict.interval[0] < 0 < verdict.interval[1]


def test_pairing_removes_what_the_seeds_share():
    """Unpaired, seeds that differ by 20 points would hide 5 points."""
    better, worse = by_seed(84, 75, 96), by_seed(80, 70, 90)
    moved = {seed + 10: value for seed, value in worse.items()}
    verdict = judge(CLAIM, better, moved)
    assert verdict.verdict == NOISE and verdict.pairs == 0
    assert verdict.difference == 5 and verdict.std is None
    # Variances 111 and 100 over 3 each, 3.99 degrees of freedom: 2.7789 x
    # 8.3865.
    assert verdict.interval[1] == pytest.approx(5 + 23.31, abs=0.02)


def test_unpaired_without_any_spread():
    verdict = judge(CLAIM, by_seed(3, 3), {7: 2, 8: 2})
    assert verdict.verdict == HOLDS and verdict.interval == (1, 1)


def test_one_seed_gives_no_verdict():
    verdict = judge(CLAIM, {0: 90}, {0: 10})
    assert verdict.verdict == ONE_SEED and verdict.difference == 80
    assert verdict.interval is None


def test_equal_rows_are_noise_and_missing_ones_not_run():
    assert judge(CLAIM, by_seed(5, 5), by_seed(5, 5)).verdict == NOISE
    assert judge(CLAIM, by_seed(5, 5), {}).verdict == NOT_RUN


def test_all_claims_of_a_results_file():
    """Accuracies by hand: E9 best, residuals bad for the ANN, and so on."""
    accuracy = dict(E1=.5, E2=.3, E3=.5, E4=.6, E5=.2, E6=.25, E7=.2, E8=.7,
                    E9=.8)
    runs = [mini.record(name, value + seed / 100, seed)
            for name, value in accuracy.items() for seed in (0, 1)]
    verdicts = check_claims(mini.results(*runs))
    seen = {(v.claim.better, v.claim.worse): v.verdict for v in verdicts}
    assert len(seen) == len(CLAIMS)
    assert seen.pop(('E6', 'E2')) == FAILS
    assert set(seen.values()) == {HOLDS}
    # The paper's own difference on UCF-101: 57.52 - 51.54.
    paper = {(v.claim.better, v.claim.worse): v.paper for v in verdicts}
    assert paper['E6', 'E2'] == pytest.approx(5.98)


def test_a_row_of_another_table_is_not_taken():
    runs = [mini.record(name, 0.5, seed, section='Stride')
            for name in ('E9', 'E8') for seed in (0, 1)]
    assert {v.verdict for v in check_claims(mini.results(*runs))} == {NOT_RUN}


def test_the_claims_asked_for_are_there():
    pairs = {(claim.better, claim.worse) for claim in CLAIMS}
    assert pairs >= {('E9', 'E4'), ('E9', 'E5'), ('E9', 'E6'), ('E9', 'E7'),
                     ('E6', 'E2'), ('E1', 'E5'), ('E4', 'E5'), ('E9', 'E8'),
                     ('E9', 'E3')}


def test_rows_are_compared_on_the_splits_that_both_have():
    """E9 has a second split, where it is far worse; E8 has not."""
    runs = [mini.record('E9', 0.8 + 0.01 * seed, seed, 1) for seed in (0, 1)]
    runs += [mini.record('E9', 0.1, seed, 2) for seed in (0, 1)]
    runs += [mini.record('E8', 0.7 + 0.01 * seed, seed, 1) for seed in (0, 1)]
    verdict, = (v for v in check_claims(mini.results(*runs))
                if (v.claim.better, v.claim.worse) == ('E9', 'E8'))
    assert verdict.difference == pytest.approx(10) and verdict.pairs == 2
