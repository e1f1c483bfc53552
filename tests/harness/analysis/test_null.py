"""Every claim that a display makes, held to its 5 % where nothing differs, and to its power where something does.

The data have the structure of real ones: a draw's difficulty is common to all models, a model differs from its own
average by item or seed, which all bands, rings, budgets and tasks of that item or seed share, and by each fit.
"""

import itertools
import math

import numpy as np
import pytest

from harness.analysis.cell import Cell
from harness.analysis.experiments import experiments
from harness.analysis.ranks import over_items, over_signals
from harness.analysis.standing import standings
from harness.analysis.winner import WIN, decide, differences, estimate
from target_signals.dragon import Dragon
from target_signals.tasks.metrics import METRICS

PSNR = METRICS["psnr"]
ALPHA = 0.05
BANDS, ITEMS, RINGS = tuple(b / 10 for b in range(1, 10)), tuple(f"{i:04}" for i in range(10)), 9
TWELVE = tuple("abcdefghijkl")


def most(trials):
    """The share of errors that a claim of 5 % exceeds in one of a thousand such tests."""
    return ALPHA + 3.1 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


def scores(
    rng, models, bands=(None,), items=(None,), seeds=(1,), signals=(None,), shared=1.0, own=1.0, better=0.0, of="DIV2K"
):
    """One budget's scores by cell. signals: seeds of signals, each with every seed; None: each seed's own.

    shared: the deviation of a model at an item, signal or seed, the same at every band. own: of each fit. better: how
    many dB the first model is above the others. of: the signal's name.
    """
    replicates = next((several for several in (items, signals) if len(several) > 1), seeds)
    draws = list(itertools.product(bands, items, seeds, signals))
    difficulty = rng.normal(0, 5, len(draws))
    found = {}
    for model in models:
        level = dict(
            zip(replicates, rng.normal(30 + better * (model == models[0]), shared, len(replicates)), strict=True)
        )
        fits = rng.normal(0, own, len(draws))
        for (band, item, seed, signal), hard, fit in zip(draws, difficulty, fits, strict=True):
            (replicate,) = {item, signal, seed} & level.keys() if signal is None else [signal]
            found[Cell(model, 1000, band, item, seed, signal or seed, of)] = level[replicate] - hard + fit
    return found


STRUCTURES = {
    "two seeds": {"seeds": (1, 2)},
    "three seeds": {"seeds": (1, 2, 3)},
    "bands and seeds": {"bands": BANDS, "seeds": (1, 2, 3, 4, 5)},
    "bands, signals and seeds": {"bands": BANDS[:3], "signals": (11, 12, 13, 14), "seeds": (1, 2, 3)},
    "images": {"items": ITEMS},
    "images and seeds": {"items": ITEMS[:4], "seeds": (1, 2, 3)},
}


@pytest.mark.parametrize("models", [2, 3], ids="{} models".format)
@pytest.mark.parametrize("name", STRUCTURES)
def test_equal_models_win_in_one_of_twenty_places(name, models):
    rng, trials = np.random.default_rng(0), 800
    places = (scores(rng, TWELVE[:models], **STRUCTURES[name]) for _ in range(trials))
    wins = sum(decide(own, (), PSNR).trained.verdict == WIN for own in places)
    assert wins / trials < most(trials)
    assert models > 2 or wins > 0.02 * trials  # the rule is not so strict that it never tells anything


@pytest.mark.parametrize("name", ["three seeds", "images"])
def test_of_twelve_equal_models_some_lacks_the_sign_of_a_tie_in_one_of_twenty_places(name):
    rng, trials = np.random.default_rng(0), 400
    places = (decide(scores(rng, TWELVE, **STRUCTURES[name]), (), PSNR).trained for _ in range(trials))
    assert sum(len(place.tied) < 11 for place in places) / trials < most(trials)


def test_one_draw_never_wins():
    rng = np.random.default_rng(0)
    assert all(decide(scores(rng, "ab", BANDS), (), PSNR).trained.verdict != WIN for _ in range(50))


def test_fixed_items_never_win():
    """They are one draw, which gives a yardstick's lead no interval either."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        outcome = decide(scores(rng, TWELVE[:4], items=Dragon.items, better=9, of=Dragon.name), "a", PSNR)
        assert outcome.trained.verdict != WIN
        assert all(math.isnan(lead.low) for lead in (*outcome.trained.leads, outcome.ahead))


@pytest.mark.parametrize("name", ["three seeds", "images"])
@pytest.mark.parametrize("against", ["best", "baseline"])
def test_some_of_eleven_comparisons_rejects_in_one_of_twenty_places(name, against):
    rng, trials = np.random.default_rng(0), 400
    models, errors = ("Grid", *TWELVE[1:]), 0
    for _ in range(trials):
        own = scores(rng, models, **STRUCTURES[name])
        found = standings(own, decide(own, (), PSNR), PSNR).values()
        errors += any(getattr(one, against) and getattr(one, against).p < ALPHA for one in found)
    assert errors / trials < most(trials)


@pytest.mark.parametrize("name", STRUCTURES)
def test_an_interval_leaves_out_the_truth_in_one_of_twenty_cases(name):
    """Of a score, and of a difference: to another model, preset or budget."""
    rng, trials = np.random.default_rng(0), 800
    missed = {"score": 0, "difference": 0}
    for _ in range(trials):
        own = scores(rng, "ab", **STRUCTURES[name])
        score = estimate({cell: psnr for cell, psnr in own.items() if cell.model == "a"})
        missed["score"] += not score.low <= 30 <= score.high
        missed["difference"] += differences(own, "a", PSNR)["b"].certain
    for misses in missed.values():
        assert 0.02 < misses / trials < most(trials)


@pytest.mark.parametrize("name", ["two seeds", "images"])
def test_of_three_equal_yardsticks_some_is_ahead_in_one_of_twenty_places(name):
    """Even of a single trained model, which was not picked among others."""
    rng, trials = np.random.default_rng(0), 800
    places = (decide(scores(rng, TWELVE[:4], **STRUCTURES[name]), TWELVE[1:4], PSNR) for _ in range(trials))
    named = sum(place.yardstick is not None for place in places)
    assert 0 < named / trials < most(trials)


def test_a_yardstick_that_is_better_is_found_to_be():
    rng = np.random.default_rng(0)
    places = (decide(scores(rng, "abc", items=ITEMS, better=3), {"a"}, PSNR) for _ in range(50))
    assert sum(place.yardstick == "a" for place in places) > 45


def test_a_yardstick_has_no_test_against_the_best():
    own = scores(np.random.default_rng(0), ("Grid", "a", "Wavelet"), seeds=(1, 2, 3), better=9)
    found = standings(own, decide(own, {"Wavelet"}, PSNR), PSNR)
    assert (found["Grid"].rank, found["a"].rank, found["Wavelet"].rank) == (1, 2, None)
    assert math.isnan(found["Wavelet"].best.p)
    assert found["Wavelet"].best.difference.n == 3
    assert found["Wavelet"].baseline.p <= 1


def rows_of(rng, make_row, models, signals, sizes=(1000,), bands=(None,), items=(None,), seeds=(1,), tasks=("fit",)):
    """Rows in which a model differs by signal and item, alike at all budgets, bands, rings and tasks."""
    rows = []
    for signal in signals:
        level = {(m, item): rng.normal(30, 1) for m in models for item in items}
        for model, size, band, item, seed, task in itertools.product(models, sizes, bands, items, seeds, tasks):
            psnr = level[model, item] + rng.normal(0, 0.3)
            place = {"signal": signal, "model": model, "size": size, "bandlimit": band, "item": item, "seed": seed}
            rings = [psnr + rng.normal(0, 0.3) for _ in range(RINGS)] if band is None else None
            rows.append(make_row(**place, task=task, psnr=psnr, psnr_rings=rings))
    return rows


@pytest.mark.parametrize(
    "structure",
    [{"bands": BANDS[:4], "seeds": (1, 2)}, {"items": ITEMS[:3], "tasks": ("fit", "super_resolution")}, {}],
    ids=["bands and seeds", "images and tasks", "rings"],
)
def test_ranks_over_signals_tell_equal_models_apart_in_one_of_twenty(make_row, structure):
    rng, trials, friedman, apart = np.random.default_rng(0), 150, 0, 0
    for _ in range(trials):
        rows = rows_of(rng, make_row, TWELVE[:5], [f"s{i}" for i in range(6)], **structure)
        found = over_signals(experiments(rows), 1000)
        assert (found.ranks.sets, found.of) == (6, 6)  # however many bands, images, tasks and rings each has
        friedman += found.ranks.friedman < ALPHA
        apart += max(found.ranks.average) - min(found.ranks.average) >= found.ranks.critical
    assert friedman / trials < most(trials)
    assert apart / trials < most(trials)


def test_ranks_over_images_are_of_one_budget(make_row):
    rng, trials, errors = np.random.default_rng(0), 150, 0
    for _ in range(trials):
        rows = rows_of(rng, make_row, TWELVE[:4], ["DIV2K"], sizes=(1000, 3000), items=ITEMS[:6])
        (experiment,) = experiments(rows)
        found = [over_items(experiment, "psnr", size) for size in (1000, 3000)]
        assert [one.ranks.sets for one in found] == [6, 6]
        errors += found[0].ranks.friedman < ALPHA
    assert errors / trials < most(trials)


@pytest.mark.parametrize("models", [2, 12], ids="{} models".format)
def test_half_a_decibel_is_seen_over_ten_images(models):
    """Where the paired differences deviate by 0.3 dB."""
    rng, trials, wins, told = np.random.default_rng(0), 200, 0, 0
    names = ("a", "Grid", *TWELVE[2:models])
    for _ in range(trials):
        own = scores(rng, names, items=ITEMS, shared=0.3 / math.sqrt(2), own=0, better=0.5)
        outcome = decide(own, (), PSNR)
        wins += outcome.trained.verdict == WIN and outcome.trained.best == "a"
        told += standings(own, outcome, PSNR)["a"].baseline.p < ALPHA
    assert wins / trials > 0.9
    assert told / trials > (0.9 if models == 2 else 0.8)
