"""What each cell of a figure says: whose runs count there, and which of them were timed."""

import math

import pytest

from harness.analysis.comparison import Place, comparisons


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
    assert {(place.model, place.size) for place in fewer.cells} == {("Grid", 1000), ("Siren", 1000)}
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


def test_a_constants_score_is_a_mean_over_the_draws_of_its_band(compared):
    """Each draw counts once, whatever models it has; one without a constant's score does not."""
    draws = {(0.1, "a"): 8.0, (0.1, "b"): 10.0, (0.1, "c"): None, (0.5, "a"): 20.0}
    rows = [{"bandlimit": band, "item": item, "psnr_constant": psnr} for (band, item), psnr in draws.items()]
    found = compared(*({"model": "Grid"} | row for row in rows), {"model": "Siren"} | rows[0])
    assert [found.constant(band) for band in (0.1, 0.5)] == [9.0, 20.0]
    assert math.isnan(found.constant(0.9))


def test_the_commonest_failure_is_named(compared):
    statuses = ("out_of_memory", "diverged", "diverged", "ok")
    found = compared(*({"seed": seed, "status": status} for seed, status in enumerate(statuses)), {"model": "Siren"})
    assert [found.failure(Place(model, 1000, 0.5)) for model in ("Grid", "Siren")] == ["diverged", None]
