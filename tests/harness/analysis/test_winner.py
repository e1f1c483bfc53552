"""Who wins, by hand: of paired draws, what is corrected, what rounds to nothing, and which yardstick is named."""

import pytest

from harness.analysis.cell import Cell
from harness.analysis.winner import TIE, WIN, decide
from target_signals.tasks.metrics import METRICS

PSNR = METRICS["psnr"]
YARDSTICKS = ("BlockDCT", "Wavelet")
LIKELY = (2.25, 3.0, 3.75)  # a lead over three seeds whose p is 0.02
CERTAIN = (20.0, 20.1, 20.2)
UNSURE = (1.0, 9.0, 2.0)


def outcome(metric=PSNR, **scores):
    """Of models and yardsticks by their scores at one seed after the other."""
    runs = {
        Cell(model, 1000, 0.5, None, seed, seed, "Sierpinski"): score
        for model, own in scores.items()
        for seed, score in enumerate(own)
    }
    return decide(runs, YARDSTICKS, metric)


def behind(*leads):
    return [50 - lead for lead in leads]


def test_the_best_mean_wins_by_its_mean_lead_over_the_next():
    ranking = outcome(Siren=[20, 21, 22], Wire=[24, 25, 26], Grid=[30, 31, 33]).trained
    assert (ranking.models, ranking.verdict, ranking.replicates) == (("Grid", "Wire", "Siren"), WIN, 3)
    assert ranking.means[0] == pytest.approx(94 / 3)
    assert ranking.leads[0].mean == pytest.approx(19 / 3)


def test_a_mean_is_over_items_of_their_bands_and_over_bands_of_their_seeds():
    """And not over all runs, of which one band of one item has more."""
    scores = {("a", 0.1, 1): 10.0, ("a", 0.1, 2): 20.0, ("a", 0.5, 1): 40.0, ("b", 0.1, 1): 30.0, ("b", 0.5, 1): 50.0}
    behind = {"Grid": {"a": 0.0, "b": 0.0}, "Siren": {"a": 1.0, "b": 4.0}}
    runs = {
        Cell(model, 1000, band, item, seed, seed, "DIV2K"): score - lag[item]
        for model, lag in behind.items()
        for (item, band, seed), score in scores.items()
    }
    ranking = decide(runs, YARDSTICKS, PSNR).trained
    assert (ranking.replicates, ranking.over) == (2, "items")
    assert ranking.means == pytest.approx(((27.5 + 40) / 2, (26.5 + 36) / 2))
    assert ranking.leads[0].mean == pytest.approx(2.5)


def test_seeds_that_differ_alike_for_all_are_no_spread_of_the_lead():
    assert outcome(Siren=[10, 20, 40], Grid=[11, 21, 41.1]).trained.verdict == WIN


def test_a_winner_is_told_apart_from_every_other():
    """Its interval to the next leaves out 0, and to the last, which varies more, does not."""
    ranking = outcome(Grid=[20, 20, 20], Siren=[19, 19, 19.1], Wire=[5, 25, 15]).trained
    assert (ranking.models, ranking.verdict, ranking.tied) == (("Grid", "Siren", "Wire"), TIE, ("Wire",))


def test_a_win_needs_no_correction_as_every_interval_has_to_leave_out_0():
    """Holm would make 0.12 of 0.02."""
    others = {model: behind(*LIKELY) for model in ("Siren", "Wire", "BACON")}
    found = outcome(Grid=[50] * 3, **others).trained
    assert (found.best, found.verdict, found.tied) == ("Grid", WIN, ())


def test_where_nobody_wins_each_claim_is_corrected():
    """BACON would be told apart by 0.02, and by 0.04 if the comparisons with the best alone were counted."""
    others = {"Siren": behind(*UNSURE), "BACON": behind(*LIKELY), "Wire": behind(*CERTAIN)}
    found = outcome(Grid=[50] * 3, **others).trained
    assert (found.best, found.verdict, set(found.tied)) == ("Grid", TIE, {"Siren", "BACON"})


@pytest.mark.parametrize(("metric", "lead"), [("psnr", 0.05), ("ssim", 0.0005)])
def test_a_lead_counts_from_half_of_the_last_digit_on(metric, lead):
    scores = [0.1, 0.5, 0.9]
    for share, verdict in ((0.98, TIE), (1.02, WIN)):
        ahead = [score + share * lead for score in scores]
        assert outcome(METRICS[metric], Siren=scores, Grid=ahead).trained.verdict == verdict


@pytest.mark.parametrize("best", YARDSTICKS)
def test_the_yardstick_that_is_furthest_ahead_is_named(best):
    scores = {model: [57, 57.1, 57.2] if model == best else [55, 55.1, 55.2] for model in YARDSTICKS}
    found = outcome(Grid=[50] * 3, Siren=[40] * 3, **scores)
    assert (found.trained.best, found.yardstick) == ("Grid", best)
    assert found.ahead.mean == pytest.approx(7.1)


def test_a_yardsticks_lead_is_corrected_over_the_yardsticks_alone():
    """Twice 0.02 is below 0.05, and with the trained models counted it would be 0.08."""
    ahead = [50 + lead for lead in LIKELY]
    found = outcome(Grid=[50] * 3, Siren=behind(*UNSURE), Wire=behind(*UNSURE), Wavelet=ahead, BlockDCT=ahead)
    assert found.yardstick == "BlockDCT"


def test_a_yardstick_is_compared_over_the_trained_models_draws():
    """Its mean of all three is ahead, that of the two which Siren has is not."""
    found = outcome(Siren=[20, 20], Wavelet=[15, 15, 60])
    assert (found.trained.best, found.yardstick) == ("Siren", None)


def test_less_is_better_where_the_metric_says_so():
    found = outcome(METRICS["lpips"], Grid=[0.1, 0.2, 0.3], Siren=[0.2, 0.3, 0.4]).trained
    assert (found.best, found.verdict, found.leads[0].mean) == ("Grid", WIN, pytest.approx(0.1))
