"""Intervals, corrections and ranks against scipy and against worked examples."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.significance import holm, intervals, rank

NAN = math.nan


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("replicates", [2, 3, 6, 60])
def test_every_interval_is_scipys(rng, replicates):
    differences = rng.normal(size=(replicates, 4)) + np.arange(4) * 0.4
    for i, found in enumerate(intervals(differences)):
        expected = stats.ttest_1samp(differences[:, i], 0)
        interval = expected.confidence_interval(0.95)
        assert (found.mean, found.p, found.n) == (
            pytest.approx(differences[:, i].mean()),
            pytest.approx(expected.pvalue),
            replicates,
        )
        assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
        assert found.certain == (expected.pvalue < 0.05)


def test_one_replicate_tells_nothing():
    (found,) = intervals(np.array([[3.0]]))
    assert (found.mean, found.n, found.certain) == (3.0, 1, False)
    assert math.isnan(found.low)
    assert math.isnan(found.p)


def test_differences_without_spread():
    none, some = intervals(np.array([[0.0, 2.0]] * 3))
    assert (none.p, none.certain) == (1.0, False)
    assert (some.p, some.low, some.high, some.certain) == (0.0, 2.0, 2.0, True)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    adjusted = holm([0.01, NAN, 0.02])
    assert adjusted[0] == 0.02  # two tests, not three
    assert math.isnan(adjusted[1])


def test_holm_to_the_best_counts_the_pairs_that_are_left():
    """Of four models: six pairs at first, then three among the three that are left, then one."""
    assert holm([0.001, 0.01, 0.04], chosen=True) == pytest.approx([0.006, 0.03, 0.04])
    assert holm([0.04], chosen=True) == [0.04]


def test_holm_to_the_best_adjusts_nothing_beyond_the_greatest_p():
    """At which the best is ahead of all others together: a claim that needs no correction."""
    assert holm([0.02, 0.03, 0.01], chosen=True) == [0.03] * 3
    assert holm([0.02, NAN, 0.6], chosen=True)[0] == pytest.approx(0.06)


def test_the_worked_example_of_the_paper():
    """Demšar 2006, table 6: four classifiers on fourteen data sets, average ranks 3.143 2.000 2.893 1.964."""
    scores = np.array(
        [
            [0.763, 0.768, 0.771, 0.798],
            [0.599, 0.591, 0.590, 0.569],
            [0.954, 0.971, 0.968, 0.967],
            [0.628, 0.661, 0.654, 0.657],
            [0.882, 0.888, 0.886, 0.898],
            [0.936, 0.931, 0.916, 0.931],
            [0.661, 0.668, 0.609, 0.685],
            [0.583, 0.583, 0.563, 0.625],
            [0.775, 0.838, 0.866, 0.875],
            [1.000, 1.000, 1.000, 1.000],
            [0.940, 0.962, 0.965, 0.962],
            [0.619, 0.666, 0.614, 0.669],
            [0.972, 0.981, 0.9751, 0.975],  # printed alike, ranked 2 and 3
            [0.957, 0.978, 0.946, 0.970],
        ]
    )
    ranks = rank(scores)
    assert ranks.average == pytest.approx([3.143, 2.0, 2.893, 1.964], abs=5e-4)
    assert ranks.critical == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert ranks.friedman == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    assert ranks.sets == 14
    assert ranks.groups == ((0, 3),)
    assert ranks.can_tell


def test_groups_are_the_longest_runs_that_are_not_told_apart():
    order = np.arange(5.0)
    for best in (1, -1):  # the first model or the last
        ranks = rank(-np.tile(order[::best], (12, 1)))
        assert ranks.average == (1, 2, 3, 4, 5)[::best]
        assert 1 < ranks.critical < 2
        assert ranks.groups == ((0, 1), (1, 2), (2, 3), (3, 4))
    few = rank(-np.tile(order, (2, 1)))
    assert (few.groups, few.can_tell) == (((0, 4),), False)


def test_less_is_better_and_failures_rank_last():
    scores = np.array([[0.1, 0.2, 0.3], [0.1, math.inf, 0.3], [0.1, 0.2, NAN]])
    ranks = rank(scores, higher_is_better=False)
    assert ranks.average == (1.0, 2.5, 2.5)
    assert ranks.sets == 2
    assert rank(np.array([[3.0, 2.0, 1.0], [3.0, -math.inf, 1.0]])).average == (1.0, 2.5, 2.5)


def test_ranks_need_three_models_and_two_sets():
    assert rank(np.ones((5, 2))) is None
    assert rank(np.ones((1, 5))) is None
    assert rank(np.full((5, 3), NAN)) is None
    assert rank(np.ones((5, 3))).friedman == 1.0
