"""Which rows are compared, whatever order they come in, and what each cell of a figure says: whose runs count there,
and which of them were timed."""

import itertools
import math

import pytest

from harness.analysis import means
from harness.analysis.comparison import Place, comparisons
from harness.analysis.summary import summarise


@pytest.fixture
def rows(make_row):
    """A later experiment than the one behind it in the alphabet; of a cell the old score, and that which counts."""
    return [
        make_row(signal="Zebra", started="2026-01-01", stands_for="Horse", bandlimit=None, psnr_rings=[3.0, None]),
        make_row(signal="Ant", started="2026-01-02", model="Old", psnr=10.0, length=None, steps=None),
        make_row(signal="Ant", started="2026-01-03", model="Old", psnr=20.0, length=None, steps=None),
        make_row(signal="Ant", started="2026-01-04", model="Wavelet", label="classical", length=None, steps=None),
        make_row(
            signal="Ant", started="2026-01-05", model="Mine", psnr=None, status="diverged", length=None, steps=None
        )
        | {"origin": "reference", "reason": "no number"},
    ]


def test_comparisons_are_those_of_the_rows_in_order_of_time(rows):
    said = [comparisons(some, ["Mine"]) for some in itertools.permutations(rows)]
    assert all(one == said[0] and list(one[1].places) == list(said[0][1].places) for one in said[1:])
    zebra, ant = said[0]
    assert (zebra.kind.signal, zebra.stands_for, zebra.kind.length, zebra.kind.steps) == ("Zebra", "Horse", 24, 3)
    assert zebra.regions == (0.1, 0.2, None)
    assert (ant.kind.signal, ant.stands_for, ant.kind.length, ant.kind.steps) == ("Ant", "", None, None)
    assert ant.passed_over == 1
    assert ant.models == ("Mine", "Old", "Wavelet")
    assert (ant.classical, ant.of_reference, ant.palette) == ({"Wavelet"}, {"Mine"}, ("Mine", "Grid", "Old", "Wavelet"))
    ((row,),) = ([*runs.values()] for place, runs in ant.places.items() if place.model == "Mine")
    assert (row["status"], row["reason"], row["psnr"]) == ("diverged", "no number", None)
    assert [row["psnr"] for row in ant.experiment.by_cell.values() if row["model"] == "Old"] == [20.0]


def test_a_table_at_the_end_of_a_run_is_that_of_the_rows_in_order_of_time(rows):
    models = ["Old", "Wavelet", "Mine"]
    ant = [row | {"psnr_constant": 9.0 + i} for i, row in enumerate(rows[1:])]
    (text,) = {summarise(some, models) for some in itertools.permutations(ant)}
    lines = [line.split() for line in text.splitlines()]
    assert ["Old", "20.00", "0.6", "2"] in lines
    assert ["Mine", "(reference)", "diverged", "1/1", "1"] in lines
    assert ["(constant", "mean)", "9.00"] in lines


def test_rows_of_two_versions_of_a_file_stand_in_no_comparison_together(make_row):
    """Of a model's its latest version counts, whatever its budgets are; of a signal's file for all models."""
    mine = [
        make_row(model="Mine", size=size, psnr=psnr, model_code=code, started=f"2026-01-0{day}")
        for day, size, psnr, code in ((1, 100, 1.0, "old"), (2, 200, 2.0, "old"), (3, 200, 3.0, "new"))
    ]
    grid = make_row(model="Grid", size=100, psnr=4.0, started="2026-01-01")
    (found,) = comparisons([*mine, grid])
    assert {place.model: [row["psnr"] for row in runs.values()] for place, runs in found.places.items()} == {
        "Mine": [3.0],
        "Grid": [4.0],
    }
    assert found.passed_over == 2
    (found,) = comparisons([*mine, grid, make_row(model="Wire", signal_code="other", started="2026-01-04")])
    assert found.models == ("Wire",)


def test_a_runs_summary_compares_and_decides_once_at_each_place(make_row, calls):
    """A mean over bands is a place of its own."""
    rows = [make_row(model=model, size=size, psnr=size / 100) for model in ("Grid", "Siren") for size in (2000, 3000)]
    compared, decided = calls(means, "compare"), calls(means, "decide_among")
    summarise(rows, ["Grid", "Siren"])
    assert (len(compared), len(decided)) == (2, 2)
    summarise([*rows, *(row | {"bandlimit": 0.7} for row in rows)], ["Grid", "Siren"])
    assert (len(compared), len(decided)) == (2 + 4 + 2, 2 + 4)


def test_no_rows_are_no_comparisons():
    assert comparisons([]) == []


@pytest.fixture
def compared(make_row):
    """`compared({…}, {…})`: the comparison of images by rows with these columns."""

    def make(*rows):
        (found,) = comparisons(
            [make_row(**{"signal": "SampleImages", "item": "a", "size": 1000} | row) for row in rows]
        )
        return found

    return make


def test_an_items_winner_is_of_its_own_draws(compared):
    scores = {("Grid", "a"): 30.0, ("Siren", "a"): 20.0, ("Grid", "b"): 10.0, ("Siren", "b"): 12.0}
    found = compared(*({"model": model, "item": item, "psnr": psnr} for (model, item), psnr in scores.items()))
    best = {item: found.outcome(1000, 0.5, item).trained.best for item in (None, "a", "b")}
    assert best == {None: "Grid", "a": "Grid", "b": "Siren"}


def test_budgets_and_bands_are_in_order_whatever_that_of_the_rows(compared):
    sizes, bands = (300_000, 1000, 30_000, 10_000, 3000), (0.7, 0.1, None, 0.9, 0.3)
    found = compared(*({"size": size, "bandlimit": band} for size, band in zip(sizes, bands, strict=True)))
    assert found.sizes == tuple(sorted(sizes))
    assert (found.regions, found.bands) == ((0.1, 0.3, 0.7, 0.9, None), (0.1, 0.3, 0.7, 0.9))


def test_only_some_models_and_budgets_keep_the_colours_of_all(compared):
    found = compared(*({"model": model, "size": size} for model in ("Grid", "Siren", "Wire") for size in (500, 1000)))
    fewer = found.only(["Siren", "Grid"], [1000])
    assert {(place.model, place.size) for place in fewer.places} == {("Grid", 1000), ("Siren", 1000)}
    assert (fewer.models, fewer.sizes, fewer.palette) == (("Grid", "Siren"), (1000,), found.palette)


@pytest.mark.parametrize(
    ("row", "timed"),
    [
        ({"seconds": 0.3}, True),
        ({"seconds": 0.0}, False),
        ({"seconds": None}, False),
        ({"seconds": math.inf}, False),
        ({"seconds": 0.3, "status": "diverged", "psnr": None}, False),
    ],
)
def test_a_run_that_ended_well_in_some_seconds_was_timed(compared, row, timed):
    assert bool(compared(row).timed) == timed


def test_a_constants_score_is_a_mean_over_the_cases_that_are_compared(compared):
    """Each case counts once, whatever models it has; one without a constant's score does not."""
    draws = {(0.1, "a"): 8.0, (0.1, "b"): 10.0, (0.1, "c"): None, (0.5, "a"): 20.0, (0.9, "a"): None}
    rows = [{"bandlimit": band, "item": item, "psnr_constant": psnr} for (band, item), psnr in draws.items()]
    both = [{"model": model} | row for model in ("Grid", "Siren") for row in rows]
    alone = {"model": "Grid", "bandlimit": 0.1, "item": "d", "psnr_constant": 90.0}
    found = compared(*both, alone)
    assert [found.constant(Place("", found.sizes[0], band)) for band in (0.1, 0.5)] == [9.0, 20.0]
    assert math.isnan(found.constant(Place("", found.sizes[0], 0.9)))


def test_the_commonest_failure_is_named(compared):
    statuses = ("out_of_memory", "diverged", "diverged", "ok")
    found = compared(*({"seed": seed, "status": status} for seed, status in enumerate(statuses)), {"model": "Siren"})
    assert [found.failure(Place(model, 1000, 0.5)) for model in ("Grid", "Siren")] == ["diverged", None]
