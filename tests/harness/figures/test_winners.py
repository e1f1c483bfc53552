"""The map of who wins where, and what stands below it. How a winner is found: tests/harness/analysis/test_winner.py."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from harness.analysis.winner import ALONE, TIE
from harness.figures import style, winners
from harness.figures.layout import Layout
from tests.harness.figures import reading
from tests.harness.tables import comparison_of

MODELS = ["Siren", "Wire", "Grid"]
SEEDS = [1, 2, 3]


def scored(make_table, **scores):
    """One place with these scores by model and seed."""
    table = make_table(models=list(scores), bands=[0.5], sizes=[10_000], seeds=SEEDS)
    for model, values in scores.items():
        table.loc[table["model"] == model, "psnr"] = values
    return table


def words(axes):
    """The lines of every cell, by (row, column)."""
    cells = {}
    for text in axes.texts:
        x, y = text.get_position()
        cells.setdefault((int(y), int(x)), []).append(text.get_text())
    return cells


def fill(axes, row, column):
    """The colour of a cell, and whether it is hatched."""
    patches = [p for p in axes.patches if p.get_xy() == (column, row) and p.get_width() == 1]
    return patches[0].get_facecolor()[:3], any(patch.get_hatch() for patch in patches)


def at(table):
    return comparison_of(table).outcome(10_000, 0.5)


def said(table):
    return reading.said(winners.winner_page(comparison_of(table)))


def test_what_keeps_a_model_from_winning_is_said_below(make_table):
    table = scored(make_table, Siren=[10, 10, 10], Grid=[11, 12, 13])  # leads 1 2 3: 2 ± 2.5
    grid, second = table["model"] == "Grid", table["seed"] == 2
    assert "hatched: ≈ not told apart from the best at 5 %, over seeds, or its lead rounds to 0" in said(table)
    assert "one draw: no spread that could tell a win from a tie" in said(table[second])
    assert "no model with one in every case" in said(table[grid == second]), "each lacks what the other has"
    table.loc[grid & second, ["status", "psnr"]] = ["diverged", None]
    assert "does not compete: Grid (1 failed of 3 runs)" in said(table)


def test_yardsticks_are_ranked_apart_and_named_where_they_are_ahead(make_table, check_page):
    table = scored(make_table, Siren=[20, 20, 21], Wavelet=[30, 30, 31.2], BlockDCT=[25, 25, 25], Grid=[28, 28, 28])
    outcome = at(table)
    assert (outcome.trained.models, outcome.yardsticks.models) == (("Grid", "Siren"), ("Wavelet", "BlockDCT"))
    assert (outcome.yardstick, outcome.ahead.mean) == ("Wavelet", pytest.approx(2.4))
    figure = winners.winner_page(comparison_of(table))
    assert words(figure.axes[0])[0, 0] == ["Grid", "28.0 (+7.7)", "† Wavelet (+2.4)"]
    check_page(figure)
    behind = at(scored(make_table, Siren=[20, 20, 21], Wavelet=[10, 10, 10]))
    assert (behind.trained.verdict, behind.yardstick, behind.ahead) == (ALONE, None, None)
    alone = at(scored(make_table, Wavelet=[10, 10, 10], BlockDCT=[9, 9, 9]))
    assert (alone.trained, alone.first.best) == (None, "Wavelet")


def test_nobody_wins_without_scores(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=SEEDS, status="diverged")
    assert at(table).first is None
    assert winners.winner_page(comparison_of(table)) is None
    assert winners.winner_page(comparison_of(make_table(models=["Grid"]))) is None


def test_a_single_cell_has_room_for_the_name_of_its_axis(make_table):
    table = make_table(models=["Grid", "Siren"], bands=[None], sizes=[10_000], seeds=[1])
    figure = winners.winner_page(comparison_of(table))
    renderer = FigureCanvasAgg(figure).get_renderer()
    tight = figure.get_tightbbox(renderer)
    assert tight.x0 >= 0


def test_the_map_says_the_tables_winner_in_every_cell(make_table, check_page):
    table = make_table(bands=[0.1, 0.5, 0.9], sizes=[10_000, 100_000])
    comparison = comparison_of(table)
    figure = winners.winner_page(comparison)
    (axes,) = figure.axes
    cells = words(axes)
    assert len(cells) == 6
    means = table.groupby(["size", "bandlimit", "model"])["psnr"].mean()
    for row, size in enumerate([10_000, 100_000]):
        for column, band in enumerate([0.1, 0.5, 0.9]):
            ranked = means[size, band].sort_values(ascending=False)
            ranking = comparison.outcome(size, band).trained
            name, score, *tie = cells[row, column]
            assert name == ranked.index[0]
            assert score == f"{ranked.iloc[0]:.1f} (+{ranked.iloc[0] - ranked.iloc[1]:.1f})"
            colour, hatched = fill(axes, row, column)
            assert colour == to_rgb(style.colour(*comparison.looks(name)))
            assert hatched == bool(tie) == (ranking.verdict == TIE)
            more = f" +{len(ranking.tied) - 1}" if len(ranking.tied) > 1 else ""
            assert tie == [f"≈ {model}{more}" for model in ranking.tied[:1]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.1", "0.5", "0.9"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["10k", "100k"]
    check_page(figure)


def test_the_star_adds_the_whole_signal_to_its_rings(make_table):
    table = make_table(models=MODELS, bands=[None], sizes=[10_000], rings=9)
    (axes,) = winners.winner_page(comparison_of(table)).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [*(f"0.{i}" for i in range(1, 10)), "whole"]
    assert len(words(axes)) == 10


def test_items_have_columns_and_all_of_them_one_more(make_table, check_page):
    items = [f"{index:04d}" for index in range(10)]
    table = pd.concat([make_table(bands=[None], seeds=[1], item=item) for item in items], ignore_index=True)
    comparison = comparison_of(table)
    figure = winners.winner_page(comparison)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [*items, "all"]
    assert words(axes)[0, 3][0] == comparison.outcome(10_000, None, "0003").trained.best
    assert words(axes)[0, 10][0] == comparison.outcome(10_000, None).trained.best
    check_page(figure)


@pytest.mark.parametrize("width", [None, 3.3])
@pytest.mark.parametrize("count", [3, 14])
def test_long_names_of_items_stand_upright_and_can_be_read(make_table, check_page, width, count):
    items = [f"{index:02}_on_the_beach_2026-05-14.jpg" for index in range(count)]
    table = pd.concat([make_table(["Siren", "Grid"], [None], [10_000], [1], item=item) for item in items])
    figure = winners.winner_page(comparison_of(table), Layout(width))
    labels = [label for axes in figure.axes for label in axes.get_xticklabels()]
    assert [label.get_text() for label in labels] == [*items, "all"]
    assert {label.get_fontsize() for label in labels} == {8.0}
    check_page(figure)


def test_many_items_stand_in_several_rows(make_table, check_page):
    items = [f"image-{index}" for index in range(24)]
    table = pd.concat([make_table(MODELS, [None], [10_000], [1], item=item) for item in items], ignore_index=True)
    figure = winners.winner_page(comparison_of(table))
    assert sum(len(words(axes)) for axes in figure.axes) == 25
    assert len(figure.axes) == 2
    check_page(figure)


def test_budgets_alone_are_one_row(make_table, check_page):
    figure = winners.winner_page(comparison_of(make_table(models=MODELS, bands=[None])))
    (axes,) = figure.axes
    assert len(words(axes)) == 6
    assert axes.get_xlabel() == "parameter budget"
    check_page(figure)


def test_names_keep_within_their_cells(make_table, check_page):
    names = ["A_model_with_a_name_that_is_long", "Another_with_quite_a_long_name", "Grid"]
    table = make_table(models=names, seeds=[1, 2])
    figure = winners.winner_page(comparison_of(table))
    check_page(figure)
    (axes,) = figure.axes
    cell = axes.transData.transform([[0, 0], [1, 1]])
    assert all(text.get_window_extent().width < abs(cell[1, 0] - cell[0, 0]) for text in axes.texts)


def test_a_long_title_keeps_within_a_narrow_page(make_table, check_page):
    name = "Photographs_of_many_things_that_stand_in_for_others"
    table = make_table(MODELS, [0.1], [10_000], [1], signal=name, task="super_resolution")
    check_page(winners.winner_page(comparison_of(table)))


@pytest.mark.parametrize("width", [None, 3.3])
def test_the_best_of_those_that_learned_nothing_is_marked(make_table, width, check_page):
    table = scored(make_table, Siren=[9.0, 9.0, 9.03], Grid=[8.0, 8.0, 8.0]).assign(psnr_constant=9.0)
    figure = winners.winner_page(comparison_of(table), Layout(width))
    (cell,) = words(figure.axes[0]).values()
    assert cell == (["Siren", "9.0° (+1.0)"] if width is None else ["°"])
    assert "° a fit there learned nothing over the mean of the truth" in reading.said(figure)
    check_page(figure)
    table["psnr_constant"] = 5.0
    assert "°" not in reading.said(winners.winner_page(comparison_of(table), Layout(width)))
