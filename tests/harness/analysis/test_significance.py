"""Paired tests and ranks against scipy and against worked examples."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.significance import holm, paired_tests, rank, signed_rank

NAN = math.nan


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("draws", [3, 6, 20, 60])
def test_every_pair_is_scipys(rng, draws):
    scores = rng.normal(size=(draws, 5)) + np.arange(5) * 0.4
    pairs = paired_tests(scores)
    assert [(pair.first, pair.second) for pair in pairs[:5]] == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2)]
    for pair in pairs:
        expected = stats.wilcoxon(scores[:, pair.first], scores[:, pair.second])
        assert pair.p == pytest.approx(expected.pvalue)
        assert pair.difference == pytest.approx(scores[:, pair.first].mean() - scores[:, pair.second].mean())
        assert pair.n == draws
        assert pair.adjusted >= pair.p


def test_a_pair_is_tested_over_the_draws_it_shares(rng):
    scores = rng.normal(size=(12, 3))
    scores[:4, 0] = NAN
    scores[3:6, 1] = NAN
    first, second, third = paired_tests(scores)
    assert (first.n, second.n, third.n) == (6, 8, 9)
    assert second.p == pytest.approx(stats.wilcoxon(scores[4:, 0], scores[4:, 2]).pvalue)


def test_a_zero_in_one_sample_does_not_change_another(rng):
    samples = [rng.normal(size=20) for _ in range(3)]
    samples[1][0] = 0.0
    assert signed_rank(samples) == pytest.approx([stats.wilcoxon(sample).pvalue for sample in samples])


def test_no_differences_and_no_draws():
    assert signed_rank([np.zeros(5)]) == [1.0]
    assert math.isnan(signed_rank([np.empty(0)])[0])
    (pair,) = paired_tests(np.array([[1.0, NAN], [NAN, 2.0]]))
    assert pair.n == 0
    assert math.isnan(pair.adjusted)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    adjusted = holm([0.01, NAN, 0.02])
    assert adjusted[0] == 0.02  # two tests, not three
    assert math.isnan(adjusted[1])


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


def test_less_is_better_and_failures_rank_last():
    scores = np.array([[0.1, 0.2, 0.3], [0.1, math.inf, 0.3], [0.1, 0.2, NAN]])
    ranks = rank(scores, higher_is_better=False)
    assert ranks.average == (1.0, 2.5, 2.5)
    assert ranks.sets == 2
    assert rank(np.array([[3.0, 2.0], [3.0, -math.inf]])).average == (1.0, 2.0)


def test_ranks_need_two_models_and_two_sets():
    assert rank(np.ones((5, 1))) is None
    assert rank(np.ones((1, 5))) is None
    assert rank(np.full((5, 2), NAN)) is None
    assert rank(np.ones((5, 3))).friedman == 1.0
    assert math.isnan(rank(np.array([[1.0, 2.0], [1.0, 3.0]])).friedman)
