"""What is compared where rows are missing: one rule, and nothing that it leaves out goes unsaid."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.cell import Cell
from harness.analysis.compared import compare
from harness.analysis.left_out import Where, left_out, lines
from harness.analysis.winner import decide
from target_signals.tasks.metrics import METRICS

PSNR = METRICS["psnr"]
MODELS, BANDS = ("Grid", "Siren", "Wire", "BACON", "Wavelet"), (0.1, 0.3, 0.5, 0.7)
CLASSICAL = ("Wavelet",)
SCORE, FAILED, MISSING = "score", "failed", "missing"


def cell(model, band):
    return Cell(model, 1000, band, None, 1, 1, "Spheres")


def runs_of(states):
    """Runs by state at each model and band; scores that differ everywhere."""
    return {
        cell(model, band): 10 + 7 * MODELS.index(model) % 5 - 3 * band if state == SCORE else math.nan
        for (model, band), state in states.items()
        if state != MISSING
    }


def compared(have, models=MODELS):
    """What is compared where models have scores at these bands."""
    return compare({cell(model, band): 1.0 for model, bands in have.items() for band in bands}, CLASSICAL, models)


def bands_of(found):
    return sorted(case.band for case in found.cases)


states = st.fixed_dictionaries(
    {
        (model, band): st.sampled_from((SCORE, SCORE, SCORE, FAILED, MISSING, MISSING))
        for model in MODELS
        for band in BANDS
    }
)


@given(states)
def test_everyone_compared_has_every_draw_and_everything_else_is_left_out_in_words(states):
    runs = runs_of(states)
    found = compare(runs, CLASSICAL, MODELS)
    for model in found.models:
        assert all(states[model, case.band] == SCORE for case in found.cases)
    assert sorted([*found.models, *found.absent, *found.lacking]) == sorted(MODELS)
    tried = [band for band in BANDS if any(states[m, band] == SCORE for m in MODELS if m not in CLASSICAL)]
    if tried:
        assert sorted([*bands_of(found), *(case.band for case in found.dropped)]) == tried
    said = " ".join(lines(found))
    if found.models:
        assert all(model in said for model in MODELS if model not in found.models)
        assert all(f"{case.band:g}" in said for case in found.dropped)
    ranked = decide(runs, CLASSICAL, PSNR, MODELS)
    rankings = [ranking for ranking in (ranked.trained, ranked.yardsticks) if ranking]
    assert sorted(model for ranking in rankings for model in ranking.models) == sorted(found.models)


@given(states, st.sampled_from(MODELS), st.sets(st.sampled_from(BANDS), min_size=1))
def test_rows_that_are_not_there_never_change_what_is_compared_without_a_word(states, model, bands):
    """With the same models over the same cases every number stays, and otherwise other words say what is left out."""
    fewer = states | {(model, band): MISSING for band in bands}
    whole, less = (decide(runs_of(own), CLASSICAL, PSNR, MODELS) for own in (states, fewer))
    same = (set(whole.compared.models), whole.compared.cases) == (set(less.compared.models), less.compared.cases)
    if same:
        one, two = ((each.trained, each.yardsticks, each.yardstick) for each in (whole, less))
        assert repr(one) == repr(two)  # intervals over one draw are NaN, which equals nothing
    elif less.compared.models:
        assert lines(less.compared) != lines(whole.compared)


@given(states, st.permutations(MODELS))
def test_the_order_of_rows_plays_no_part(states, order):
    runs = runs_of(states)
    again = {c: runs[c] for model in order for c in runs if c.model == model}
    one, two = compare(runs, CLASSICAL, MODELS), compare(again, CLASSICAL, MODELS)
    assert (one.cases, set(one.models), dict(one.lacking)) == (two.cases, set(two.models), dict(two.lacking))


def test_bands_that_few_models_have_are_left_out():
    """As in a family of signals that is being filled: three of the models have all bands, the others the first."""
    found = compared({"Grid": BANDS[:2], "Siren": BANDS, "Wire": BANDS[:2], "BACON": BANDS[:2], "Wavelet": BANDS[:2]})
    assert (found.models, bands_of(found), found.lacking) == (MODELS, [0.1, 0.3], {})
    assert lines(found) == ["compared over 2 of 4 bands, as too few models have 0.5 0.7"]


def test_a_band_that_three_of_nine_models_have_is_left_out():
    nine = [f"model{i}" for i in range(9)]
    runs = {cell(m, band): 1.0 for i, m in enumerate(nine) for band in (BANDS if i < 3 else BANDS[:3])}
    found = compare(runs, (), nine)
    assert (found.models, bands_of(found)) == (tuple(nine), [0.1, 0.3, 0.5])
    assert lines(found) == ["compared over 3 of 4 bands, as too few models have 0.7"]


def test_a_band_that_half_of_the_models_lack_is_left_out():
    found = compared({"Grid": BANDS, "Siren": BANDS, "Wire": BANDS[:3], "BACON": BANDS[:3]}, MODELS[:4])
    assert (found.models, bands_of(found)) == (MODELS[:4], [0.1, 0.3, 0.5])


def test_of_a_band_and_a_model_that_are_equally_empty_the_band_goes():
    """Half of the models lack the band 0.7, and BACON lacks half of the bands."""
    found = compared({"Grid": BANDS, "Siren": BANDS, "Wire": BANDS[:3], "BACON": BANDS[:2]}, MODELS[:4])
    assert (found.models, bands_of(found)) == (MODELS[:3], [0.1, 0.3, 0.5])


def test_what_one_model_alone_has_leaves_the_others_in():
    found = compared({"Grid": BANDS, "Siren": BANDS[:1]}, ("Grid", "Siren"))
    assert (found.models, bands_of(found)) == (("Grid", "Siren"), [0.1])


@pytest.mark.parametrize("state", [SCORE, FAILED])
def test_a_model_that_failed_does_not_choose(state):
    """Siren lacks the band 0.7; where it failed at another one it does not compete, and nobody has to do without."""
    own = {("Siren", 0.1): state} | {("Siren", band): SCORE for band in BANDS[1:3]}
    found = compare(runs_of({("Grid", band): SCORE for band in BANDS} | own), (), ("Grid", "Siren"))
    whole = state == FAILED
    assert (len(found.cases), found.models) == ((4, ("Grid",)) if whole else (3, ("Grid", "Siren")))


def test_a_model_that_lacks_a_few_draws_is_left_out_by_name_and_the_draws_stay():
    found = compared({"Grid": BANDS, "Siren": BANDS[1:], "Wire": BANDS, "BACON": BANDS}, MODELS[:4])
    assert (found.models, len(found.cases)) == (("Grid", "Wire", "BACON"), 4)
    assert lines(found) == ["does not compete: Siren (1 missing of 4 runs)"]


def test_models_with_next_to_nothing_take_no_draws_from_the_others():
    """Newer models that have one band of four, and are more than those that have all."""
    every = {"Grid": BANDS, "Siren": BANDS} | {f"newer{i}": BANDS[:1] for i in range(5)}
    found = compare({cell(model, band): 1.0 for model, bands in every.items() for band in bands}, (), every)
    assert (found.models, len(found.cases), found.few) == (("Grid", "Siren"), 4, True)
    assert lines(found) == ["do not compete: newer0, newer1, newer2, newer3, newer4 (3 missing of 4 runs)"]


def test_a_failure_is_no_missing_run_and_takes_no_draw_away():
    runs = runs_of({(m, b): FAILED if (m, b) == ("Siren", 0.7) else SCORE for m in ("Siren", "Grid") for b in BANDS})
    found = compare(runs, CLASSICAL, ("Siren", "Grid"))
    assert (found.models, len(found.cases)) == (("Grid",), 4)
    assert lines(found) == ["does not compete: Siren (1 failed of 4 runs)"]


def test_a_failure_at_a_draw_that_is_left_out_takes_no_model_away():
    """At 0.7 one model alone has a score."""
    own = {(m, b): SCORE for m in ("Siren", "Grid", "Wire") for b in BANDS[:3]}
    found = compare(runs_of(own | {("Siren", 0.7): FAILED, ("Grid", 0.7): SCORE}))
    assert (set(found.models), bands_of(found)) == ({"Siren", "Grid", "Wire"}, [0.1, 0.3, 0.5])


def test_yardsticks_alone_choose_for_themselves():
    found = compare(runs_of({("Wavelet", band): SCORE for band in BANDS}), CLASSICAL)
    assert (found.models, bands_of(found), found.dropped) == (("Wavelet",), list(BANDS), frozenset())


def test_a_draw_at_which_everybody_failed_compares_nothing():
    found = compare(runs_of({(m, b): SCORE if b == 0.1 else FAILED for m in ("Siren", "Grid") for b in BANDS[:2]}))
    assert (set(found.models), bands_of(found)) == ({"Siren", "Grid"}, [0.1])


@pytest.mark.parametrize(("state", "failed"), [(SCORE, 0), (FAILED, 1)])
def test_models_without_a_draw_in_common_lack_each_others(state, failed):
    found = compare(runs_of({("Siren", 0.1): state, ("Grid", 0.3): state}))
    assert (found.models, found.cases) == ((), frozenset())
    assert found.lacking == {"Siren": (1, failed), "Grid": (1, failed)}
    assert sorted(case.band for case in found.dropped) == [0.1, 0.3]


def test_a_place_of_few_models_says_how_many_there_are():
    found = compared({"Siren": (0.7,), "Wire": (0.7,)})
    assert lines(found) == ["3 of 5 models have no score here: Grid, BACON, Wavelet"]
    assert found.few
    assert not compared(dict.fromkeys(MODELS[:3], BANDS)).few
    assert not compared(dict.fromkeys(MODELS[:2], BANDS), MODELS[:4]).few, "half of them are not few"


def test_notes_name_the_places_unless_it_is_everywhere():
    here = {Where(size, band): 1.0 for size in (10_000, 30_000) for band in ("0.1", "0.3")}
    whole, lacks = (dict.fromkeys(models, BANDS) for models in (MODELS, MODELS[1:]))
    outcomes = {
        where: decide({cell(m, b): 1.0 for m, bands in have.items() for b in bands}, CLASSICAL, PSNR, MODELS)
        for where, have in zip(here, (lacks, lacks, whole, lacks), strict=True)
    }
    missing = "1 of 5 models has no score here: Grid"
    assert left_out(outcomes) == [f"at 10k (0.1 0.3), 30k (0.3): {missing}"]
    assert left_out({where: outcomes[where] for where in list(outcomes)[:2]}) == [missing]
    assert left_out({Where(1000): decide({}, CLASSICAL, PSNR)}) == []


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (("0012", "b.png-00000000"), "2 of 4 items, as too few models have 0012 b.png"),
        (("c.png-00000000",), "3 of 4 items, as too few models have c.png-00000000"),  # of which there are two
    ],
)
def test_items_are_named_as_bands_are(gone, said):
    runs = {
        Cell(model, 1000, None, item, 1, 1, "Photographs"): 1.0
        for model in ("Grid", "Siren", "Wire")
        for item in ("0012", "b.png-00000000", "c.png-00000000", "c.png-00000001")
        if model == "Wire" or item not in gone
    }
    assert said in lines(compare(runs))[0]


@pytest.mark.parametrize(("own", "said"), [(True, "2 of 3 seeds"), (False, "2 of 3 signals")])
def test_seeds_are_no_signals_unless_signals_have_seeds_of_their_own(own, said):
    runs = {
        Cell(model, 1000, None, None, seed if own else 1, seed, "Spheres"): 1.0
        for model in ("Grid", "Siren", "Wire")
        for seed in (1, 2, 3)
        if model == "Wire" or seed < 3
    }
    assert lines(compare(runs)) == [f"compared over {said}, as too few models have 3"]
