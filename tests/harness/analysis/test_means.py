"""The spread of a mean, by hand."""

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
    return lambda *by: {line.keys: line.spread.whole for line in means(experiment, rows, by, "psnr").lines}


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
