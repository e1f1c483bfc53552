"""A model's rank, and its differences to the best and to Grid with their corrected p, by hand."""

import math

import pytest
from scipy.stats import ttest_rel

from harness.analysis.cell import Cell
from harness.analysis.standing import standings
from harness.analysis.winner import decide
from target_signals.tasks.metrics import METRICS

SCORES = {"BACON": [50, 51, 53], "Grid": [48, 48.5, 51.2], "Siren": [46, 49, 49.5], "Wavelet": [52, 52.8, 54]}


def standing(*models, **others):
    """Of each of the models, and of others by their scores; Wavelet is a yardstick."""
    runs = {
        Cell(model, 1000, 0.5, None, seed, seed, "Sierpinski"): score
        for model, own in ({model: SCORES[model] for model in models} | others).items()
        for seed, score in enumerate(own)
    }
    return standings(runs, decide(runs, ("Wavelet",), METRICS["psnr"]), METRICS["psnr"])


def p(one, other):
    return ttest_rel(SCORES[one], SCORES[other]).pvalue


def test_the_best_is_one_of_the_trained_models_and_only_these_are_corrected_for():
    """Holm over the pairs that are left: three at first, then one. A yardstick was no candidate, and has no p."""
    found = standing(*SCORES)
    assert {model: one.rank for model, one in found.items()} == {"BACON": 1, "Grid": 2, "Siren": 3, "Wavelet": None}
    assert found["BACON"].best is None
    assert found["Grid"].best.difference.mean == pytest.approx(-6.3 / 3)
    assert found["Grid"].best.p == pytest.approx(3 * p("Grid", "BACON"))
    assert found["Siren"].best.p == pytest.approx(max(3 * p("Grid", "BACON"), p("Siren", "BACON")))
    assert found["Wavelet"].best.difference.mean == pytest.approx(4.8 / 3)
    assert math.isnan(found["Wavelet"].best.p)


def test_whoever_wins_has_no_p_of_5_percent_to_anybody():
    """The page must not say of one place that its best model wins and that it may be level with all others."""
    found = standing(Grid=[50, 50, 50], Siren=[49, 48.5, 48], Wire=[48, 47, 46.5], BACON=[47, 46.5, 45])
    assert all(0.01 < one.best.p < 0.05 for model, one in found.items() if model != "Grid")


def test_differences_to_grid_are_corrected_over_all_that_are_made():
    found = standing(*SCORES)
    first, second, third = p("BACON", "Grid"), p("Wavelet", "Grid"), p("Siren", "Grid")
    assert first < second < third
    assert found["Grid"].baseline is None
    assert found["BACON"].baseline.difference.mean == pytest.approx(6.3 / 3)
    corrected = [found[model].baseline.p for model in ("BACON", "Wavelet", "Siren")]
    assert corrected == pytest.approx([3 * first, max(3 * first, 2 * second), max(3 * first, 2 * second, third)])


def test_without_grid_or_a_trained_model_there_is_nothing_to_compare_with():
    assert {one.baseline for one in standing("BACON", "Siren").values()} == {None}
    failed = standing("BACON", "Siren", Grid=[48, math.nan, 51.2])
    assert (failed["Grid"].rank, failed["Siren"].baseline) == (None, None)
    (alone,) = standing("Wavelet").values()
    assert (alone.rank, alone.best, alone.baseline) == (None, None, None)
