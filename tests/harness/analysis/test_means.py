"""What a line of a table is a mean of, its spread, and what it counts, by hand."""

import math

import pytest

from harness.analysis.experiments import experiments
from harness.analysis.means import means

DRAWS = {(1000, 0.1): (20.0, 22.0), (1000, 0.5): (10.0, 16.0), (3000, 0.1): (30.0, 30.0), (3000, 0.5): (25.0,)}


@pytest.fixture
def spread(make_row):
    """`spread(by)`: the spread of Grid's PSNR by its keys, over seeds whose variances are 2, 18, 0 and unknown."""
    rows = [
        make_row(model="Grid", size=size, bandlimit=band, seed=seed, psnr=psnr)
        for (size, band), draws in DRAWS.items()
        for seed, psnr in enumerate(draws)
    ]
    (experiment,) = experiments(rows)
    return lambda *by: {line.keys: line.spread.whole for line in means(experiment, by, "psnr").lines}


def test_the_spread_is_the_root_of_the_mean_variance_and_not_the_mean_of_roots(spread):
    assert spread("size")[1000,] == pytest.approx(math.sqrt((2 + 18) / 2))
    assert spread("band")[0.1,] == pytest.approx(math.sqrt((2 + 0) / 2))


def test_differences_between_budgets_and_bands_are_no_spread(spread):
    """Nor does a place of a single draw take part, in which nothing can vary."""
    assert spread("model")["Grid",] == pytest.approx(math.sqrt((2 + 18 + 0) / 3))
    assert spread("size")[3000,] == 0.0


def test_one_draw_has_no_spread(spread):
    found = spread("size", "band")
    assert found[1000, 0.5] == pytest.approx(math.sqrt(18))
    assert math.isnan(found[3000, 0.5])


@pytest.fixture
def lines(make_row):
    """`lines(by, rows…)`: by keys; a row is its model, band, seed and PSNR, or in place of this a status."""

    def make(by, *given):
        rows = [
            make_row(model=model, bandlimit=band, seed=seed, psnr_constant=10.0)
            | ({"status": psnr, "psnr": None} if isinstance(psnr, str) else {"psnr": psnr})
            for model, band, seed, psnr in given
        ]
        (experiment,) = experiments(rows)
        return {line.keys: line for line in means(experiment, by, "psnr").lines}

    return make


def test_a_line_counts_every_run_and_is_of_those_at_the_draws_that_are_compared(lines):
    """The fourth seed, which one model alone has, compares nothing; Wire failed at one of the others."""
    found = lines(
        ["model"],
        *[("Grid", 0.5, seed, psnr) for seed, psnr in ((1, 20.0), (2, 22.0), (3, 24.0), (4, 90.0))],
        *[("Siren", 0.5, seed, psnr) for seed, psnr in ((1, 10.0), (2, 11.0), (3, 12.0))],
        *[("Wire", 0.5, seed, psnr) for seed, psnr in ((1, 30.0), (2, "diverged"), (3, 34.0))],
        ("GSplat", 0.5, 1, "unsupported"),
    )
    said = {model: (line.mean, line.of, line.counts) for (model,), line in found.items()}
    assert said["Grid"] == (22.0, (3, 3), (4, 0, 0, 0))
    assert said["Siren"] == (11.0, (3, 3), (3, 0, 0, 1))
    assert said["Wire"] == (32.0, (2, 3), (2, 1, 0, 1))
    assert said["GSplat"][1:] == ((0, 3), (0, 0, 1, 3))
    assert [row["seed"] for row in found["Grid",].rows] == [1, 2, 3]
    assert found["Grid",].draws == {"item": 1, "seed": 3}


def test_across_bands_a_line_is_of_gains(lines):
    bands = [("Grid", 0.1, 1, 20.0), ("Grid", 0.5, 1, 39.0)]
    assert lines(["model", "band"], *bands)["Grid", 0.5].mean == 39.0
    assert lines(["model"], *bands)["Grid",].mean == pytest.approx((10 + 29) / 2)


def test_models_without_a_draw_in_common_have_means_of_their_own(lines):
    found = lines(["model"], ("Grid", 0.5, 1, 20.0), ("Siren", 0.5, 2, 30.0))
    assert {model: (line.mean, line.of) for (model,), line in found.items()} == {
        "Grid": (20.0, (1, 2)),
        "Siren": (30.0, (1, 2)),
    }


def test_a_line_of_several_models_counts_the_runs_of_all(lines):
    found = lines(["band"], ("Grid", 0.5, 1, 20.0), ("Siren", 0.5, 1, "diverged"), ("GSplat", 0.5, 1, "unsupported"))
    assert (found[0.5,].mean, found[0.5,].of, found[0.5,].counts) == (20.0, (1, 2), (1, 1, 1, 0))


@pytest.mark.parametrize(
    ("metric", "said"), [("psnr", "PSNR gain (dB), over the constant mean, at most 60 dB"), ("ssim", "SSIM")]
)
def test_a_title_says_what_is_a_mean_over_bands(make_row, metric, said):
    (experiment,) = experiments([make_row(bandlimit=band, psnr_constant=10.0) for band in (0.1, 0.5)])
    assert means(experiment, ["model"], metric).title.startswith(f"{said}, mean over 2 bands: Sierpinski 2D")
    assert "mean" not in means(experiment, ["model", "band"], metric).title


def test_constant_bands_which_are_one_signal_count_once_in_a_mean_over_bands(make_row):
    scores = {0.1: (0.0, 160.0), 0.2: (0.0, 160.0), 0.5: (0.3, 20.0)}
    (experiment,) = experiments([make_row(bandlimit=b, lpips=s, psnr_constant=c) for b, (s, c) in scores.items()])
    found = means(experiment, ["model"], "lpips")
    assert (found.lines[0].mean, found.bands) == (pytest.approx(0.15), (2, 2))


def test_who_cannot_be_asked_is_not_absent(make_row):
    rows = [make_row(model="Grid"), make_row(model="GSplat", status="unsupported", psnr=None)]
    (experiment,) = experiments(rows)
    assert means(experiment, ["model"], "psnr").outcomes[()].compared.absent == ()
