"""What is said of a search: its best, how sure that is over the orders of its trials, and what each dial does."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.tuning import FAILED, SearchResult, order, sensitivities
from harness.analysis.tuning_tables import missing, tables
from harness.plan.search import Cell, candidates, space

SIGNALS = 3


@pytest.fixture
def outcome(config, make_trial, make_row):
    """`outcome([gain of a candidate, or its rows, or None])`. again: rows of finalists from other initial values, by
    default as the first ones."""

    def make(gains, model="Grid", seed=0, budget=2500, signals=SIGNALS, again=None):
        tried = tuple(candidates(config, model, "image", budget, len(gains), seed))
        fits = tuple((make_trial(model, item="camera"),) * signals for _ in gains)
        rows = tuple(gain if isinstance(gain, tuple) else tuple(row(gain, i) for i in range(signals)) for gain in gains)
        first = SearchResult(Cell("image", model, budget, seed, tried, fits), rows)
        found = dict.fromkeys(first.finalists) if again is None else again
        return dataclasses.replace(first, again={i: tuple(own or first.rows[i]) * 2 for i, own in found.items()})

    def row(gain, i):
        return None if gain is None else make_row(psnr=10 + gain + i - 1, psnr_constant=10.0, seconds=2.0)

    return make


def test_a_gain_is_the_mean_over_signals_and_the_best_is_the_greatest(outcome):
    one = outcome([3.0, 5.0, 4.0])
    assert one.gains == pytest.approx([3, 5, 4])
    assert (one.best, one.known[1], one.seconds, one.failed) == (1, pytest.approx(5), 54.0, 0)
    assert one.complete
    assert one.improvement.mean == pytest.approx(2)
    assert one.improvement.n == SIGNALS


def test_a_failed_fit_disqualifies_its_setting_and_a_missing_one_leaves_it_open(outcome, make_row):
    good = make_row(psnr=30.0, psnr_constant=10.0)
    one = outcome([1.0, (good, make_row(status="diverged", psnr=None), good), (good, None, good)])
    assert one.gains == [pytest.approx(1), FAILED, None]
    assert (one.best, one.failed, one.complete) == (0, 1, False)
    assert outcome([(make_row(status="diverged"),) * 3]).best is None


def test_the_best_are_fitted_again_beside_trial_0(outcome):
    one = outcome([1.0, 5.0, 2.0, 4.0, 3.0], again={})
    assert one.finalists == [0, 1, 3, 4]
    assert (one.complete, one.best, len(one.due)) == (False, 1, 4 * 2 * SIGNALS)
    first = one.cell.fits[0][0].seed
    assert {fit.seed for fit in one.due} == {first + 100, first + 200}
    assert outcome([1.0, None], again={}).finalists == []


def test_of_equally_good_settings_the_first_is_the_best(outcome):
    """So that settings that gain nothing change nothing."""
    assert outcome([5.0, 5.0, 5.0]).best == 0


def test_a_lucky_start_does_not_decide(outcome, make_row):
    """The best of the first fits falls behind where another start leads nowhere, and out where one fails."""
    bad = (make_row(psnr=10.0, psnr_constant=10.0),) * SIGNALS
    one = outcome([1.0, 5.0, 4.0], again={0: None, 1: bad, 2: None})
    assert one.scores == {0: pytest.approx(1), 1: pytest.approx(5 / 3), 2: pytest.approx(4)}
    assert (one.complete, one.best, one.improvement.mean) == (True, 2, pytest.approx(3))
    failed = outcome([1.0, 5.0, 4.0], again={0: None, 1: (make_row(status="diverged"),) * SIGNALS, 2: None})
    assert (failed.best, failed.failed) == (2, 1)


def test_an_improvement_is_over_signals_of_means_over_seeds(outcome, make_row):
    """Candidate 1 leads trial 0 by 6 dB at first, and by 3, 0 and 0 from two other starts: by 4, 2 and 2 in all."""
    again = tuple(make_row(psnr=psnr, psnr_constant=10.0) for psnr in (13.0, 11.0, 12.0))  # trial 0 has 10, 11 and 12
    one = outcome([1.0, 7.0], again={0: None, 1: again})
    apart = [(6 + 2 * lead) / 3 for lead in (3, 0, 0)]
    expected = stats.ttest_1samp(apart, 0)
    assert (one.best, one.improvement.n) == (1, SIGNALS)
    assert one.improvement.mean == pytest.approx(np.mean(apart))
    assert one.improvement.p == pytest.approx(expected.pvalue)


def test_a_constant_signal_says_nothing(outcome, make_row):
    constant = make_row(psnr=100.0, psnr_constant=160.0)
    one = outcome([(make_row(psnr=psnr, psnr_constant=10.0), constant, constant) for psnr in (13.0, 15.0)])
    assert (one.gains, one.scores) == (pytest.approx([3, 5]), {0: pytest.approx(3), 1: pytest.approx(5)})
    assert (one.improvement.mean, one.improvement.n) == (pytest.approx(2), 1)
    nothing = outcome([(constant,) * SIGNALS])
    assert (nothing.gains, nothing.best) == ([FAILED], None)


def test_the_best_after_k_trials_is_that_of_every_order(outcome):
    gains = [2.0, 7.0, 1.0, 7.0, 4.0, 3.0]
    one = outcome(gains)
    for k in range(1, 7):
        bests = np.sort([max(chosen) for chosen in itertools.permutations(gains, k)])
        quantiles = [bests[math.ceil(q * len(bests) - 1e-9) - 1] for q in (0.1, 0.5, 0.9)]
        assert one.after(k) == pytest.approx(quantiles), k
    assert one.after(7) is None
    assert one.after(0) is None
    failed = outcome([1.0, 2.0]).cell
    assert SearchResult(failed, ((None,) * 3,) * 2).after(1) is None


def test_the_dial_that_scores_follow_is_found(outcome):
    lr, initial, schedule = space("Grid")
    one = outcome([0.0] * 16)
    places = [lr.dial.share(candidate.settings.lr) for candidate in one.cell.candidates]
    one = outcome([20 - 30 * (place - 0.6) ** 2 for place in places])
    assert one.sensitivity(lr) == pytest.approx(1)
    assert one.sensitivity(initial) < 0.3
    assert next(iter(sensitivities(one))) == "lr"
    by_schedule = outcome([5.0 * (candidate.lr_schedule == "cosine") for candidate in one.cell.candidates])
    assert by_schedule.sensitivity(schedule) == pytest.approx(1)
    assert outcome([1.0] * 16).sensitivity(lr) is None, "nothing varies"
    assert outcome([1.0, 2.0]).sensitivity(lr) is None, "too few"


@pytest.mark.parametrize("noise", [0.5, 5.0])
def test_a_sensitivity_is_the_adjusted_share_of_a_parabola(outcome, noise):
    """R² by NumPy's polynomials, adjusted for three coefficients (Theil 1961); 0 where chance explains as much."""
    lr, *_ = space("Grid")
    places = np.array([lr.dial.share(candidate.settings.lr) for candidate in outcome([0.0] * 16).cell.candidates])
    scores = 20 - 10 * (places - 0.6) ** 2 + noise * np.random.default_rng(0).normal(size=16)
    left = scores - np.polyval(np.polyfit(places, scores, 2), places)
    expected = max(0.0, 1 - left.var() / scores.var() * 15 / 13)
    assert outcome(list(scores)).sensitivity(lr) == pytest.approx(expected)
    assert (expected > 0.3) == (noise < 1)


def test_models_are_ordered_before_and_after(outcome):
    every = [outcome([3.0, 9.0], "Grid"), outcome([5.0, 6.0], "Siren"), outcome([None, 50.0], "Wire")]
    assert [model for model, _ in order(every, 0)] == ["Siren", "Grid"]
    assert [model for model, _ in order(every)] == ["Grid", "Siren"]


def test_the_tables_say_what_was_found_and_what_is_missing(outcome):
    every = [outcome([3.0, 9.0], "Grid"), outcome([5.0, None], "Siren"), outcome([3.0, 4.0], "Grid", seed=1)]
    text = tables(every)
    assert "### image, 2.5k parameters" in text
    lines = text.splitlines()
    (grid,) = [line for line in lines if line.startswith("| Grid")]
    assert "| 3.00 | 9.00 | +6.00 (+6.00 to +6.00) |" in grid
    assert any(line.startswith("| Siren | 1 of 2 |") for line in lines)
    assert missing(every) == ["image at 2.5k, search 0: Siren 1 of 2"]
    open_ended = outcome([3.0, 9.0], again={})
    assert missing([open_ended]) == ["image at 2.5k, search 0: Grid 2, 12 fits again to go"]
    assert tables([]) == ""


def test_searches_of_other_seeds_are_said_to_agree_or_not(outcome):
    first = [outcome([3.0, 9.0], "Grid"), outcome([5.0, 6.0], "Siren")]
    same = [outcome([3.0, 8.0], "Grid", seed=1), outcome([5.0, 7.0], "Siren", seed=1)]
    other = [outcome([3.0, 4.0], "Grid", seed=1), outcome([5.0, 7.0], "Siren", seed=1)]
    assert "search 1: Grid 8.00, Siren 7.00 (the same order)" in tables(first + same)
    assert "search 1: Siren 7.00, Grid 4.00 (another order)" in tables(first + other)
