"""One map from models to colours, for figures of scores, for that of rates, and for the page."""

from pathlib import Path

import pytest

import models
from harness.analysis.bits.rate_distortion import Measurement, Point, RateDistortion
from harness.analysis.cell import kind_of
from harness.analysis.comparison import comparisons
from harness.analysis.experiments import experiments
from harness.analysis.palette import YARDSTICKS
from harness.commands import figures
from harness.figures import draw_figures, style
from harness.figures.rate_distortion import rate_distortion_page
from harness.plan.config import load_config
from harness.report import payload
from harness.store.scan import Gathered, Stored
from harness.store.schema import CLASSICAL
from harness.store.store import Store
from tests.harness.paper_rows import write_rows

FEW = ("Own", "Finer", "Grid", "Wavelet")


@pytest.fixture(scope="module")
def order():
    return load_config().protocol.order


@pytest.fixture
def rows_of(make_row):
    return lambda names: [make_row(model=n, label=CLASSICAL if n in YARDSTICKS else "learned") for n in names]


def colours_of(comparison):
    return {model: style.colour(*comparison.looks(model)) for model in FEW}


def test_a_yardstick_of_ones_own_looks_like_none_of_the_suites(rows_of, order):
    names = [*YARDSTICKS, "Mine"]
    (comparison,) = comparisons([row | {"label": CLASSICAL} for row in rows_of(names)], order)
    looks = {(look.colour, look.marker) for look in (style.look(*comparison.looks(name)) for name in names)}
    assert len(looks) == len(names)


def test_a_model_has_one_colour_whatever_others_have_rows(rows_of, order):
    (few,) = comparisons(rows_of(FEW), order)
    (every,) = comparisons(rows_of(["Own", *order]), order)
    assert colours_of(few) == colours_of(every)


def test_rates_and_page_have_the_colours_of_figures(rows_of, order):
    rows = rows_of(FEW)
    (comparison,) = comparisons(rows, order)
    measured = tuple(Measurement(model, 2500, 8, Point(1.0, 20.0)) for model in FEW)
    drawn = rate_distortion_page(RateDistortion(kind_of(rows[0]), (1, 1), FEW, measured), order, []).axes[0].lines
    assert {line.get_label(): line.get_color() for line in drawn} == colours_of(comparison)
    found = Gathered(Path("x"), [Stored(Store(Path("x"), "2d_Sierpinski"), row["model"], row) for row in rows])
    page = payload.build(found, experiments(rows, order), load_config())["looks"]
    assert {model: look["colour"] for model, look in page.items()} == colours_of(comparison)


def test_figures_drawn_again_have_the_colours_of_the_run(rows_of, order, tmp_path, monkeypatch):
    out = write_rows(tmp_path / "out", rows_of(FEW))
    given = []
    monkeypatch.setattr(draw_figures, "draw", lambda table, out, models, *more: given.append(models) or [tmp_path])
    assert figures.main("", arguments=["--out", str(out)]) == 0
    assert given == [order]


def test_the_yardsticks_that_colours_know_are_those_that_there_are():
    assert {name for name in models.registry.names() if models.get_model(name).label == CLASSICAL} == YARDSTICKS
