import mini_benchmark as mini
import pytest
from _bench.summary import (Summary, mean_energy, per_seed, rows_of, splits_of,
                            summarise)


def test_strides_are_ordered_by_size():
    """Curves join them, whatever was trained first."""
    runs = [mini.record(f's={s}', 0.5, section='Stride') for s in (16, 4, 8)]
    assert list(rows_of(runs, 'Stride')) == ['s=4', 's=8', 's=16']
    assert rows_of(runs, 'Stride')['s=8'] == [runs[2]]


def test_three_seeds_by_hand():
    """70, 80, 90: 80 +- 10, with n - 1."""
    runs = [mini.record('E9', x, seed) for seed, x in enumerate((.7, .8, .9))]
    summary = summarise(runs, 'top1', [1])
    assert summary.mean == pytest.approx(80) and summary.seeds == 3
    assert summary.std == pytest.approx(10)
    assert str(summary) == '80.0 ± 10.0 (3 seeds)'


def test_one_seed_has_no_spread():
    summary = summarise([mini.record('E9', 0.5)], 'top1', [1])
    assert summary.std is None and str(summary) == '50.0 (1 seed)'
    assert summarise([], 'top1', [1]) is None


def test_splits_are_averaged_before_seeds_are_compared():
    """Splits differ by 40 points, seeds by 2: the spread is that of seeds."""
    runs = [mini.record('E9', 0.3 + 0.2 * split + 0.02 * seed, seed, split)
            for split in (1, 2, 3) for seed in (0, 1)]
    values = per_seed(runs, 'top1', [1, 2, 3])
    assert values == {0: pytest.approx(70), 1: pytest.approx(72)}
    summary = summarise(runs, 'top1', [1, 2, 3])
    assert summary.std == pytest.approx(2 / 2**0.5)
    assert str(summary) == '71.0 ± 1.4 (2 seeds x 3 splits)'


def test_a_seed_without_all_splits_does_not_count():
    runs = [mini.record('E9', 0.9, 0, 1), mini.record('E9', 0.1, 0, 2),
            mini.record('E9', 0.9, 1, 1)]
    assert splits_of(runs) == [1, 2]
    assert per_seed(runs, 'top1', [1, 2]) == {0: pytest.approx(50)}


def test_a_row_without_all_splits_says_so():
    """Both seeds on split 1, one on split 3 too, of a set with three."""
    runs = [mini.record('E9', 0.8, 0, 1), mini.record('E9', 0.6, 1, 1),
            mini.record('E9', 0.1, 1, 3)]
    summary = summarise(runs[:2], 'top1', [1, 2, 3])
    assert summary.std == pytest.approx(20 / 2**0.5)
    assert str(summary) == '70.0 ± 14.1 (2 seeds, 1 of 3 splits)'
    assert str(summarise(runs, 'top1', [1, 2, 3])) == \
        '35.0 (1 seed, 2 of 3 splits)'


def test_stale_runs_are_marked():
    assert str(Summary(50., None, 1, 1, 1, stale=True)) == '50.0 (1 seed) †'


def test_energy_is_averaged_over_the_runs_that_have_it():
    energy = [dict(paper=dict(energy_mj=x)) for x in (1., 2.)]
    runs = [mini.record('E9', 0.5, energy=x) for x in (*energy, None)]
    assert mean_energy(runs, 'paper', 'energy_mj') == 1.5
    assert mean_energy(runs, 'strict', 'energy_mj') is None
