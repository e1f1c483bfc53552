"""Heatmaps: what stands in each cell, read from the artists; how they look is for eyes."""

import math

import numpy as np
import pandas as pd
import pytest

from harness.figures import draw_figures, heatmaps, style
from harness.figures.layout import Layout
from harness.figures.views import over_bands, over_budgets
from tests.harness.figures.reading import cells, drawn, panels, said, ticks
from tests.harness.tables import BANDS, MODELS, SIZES, comparison_of, fail, rows_of


def number(word):
    return float(word.replace("−", "-").rstrip("*"))


def test_scores_over_bands_are_the_means_over_seeds(make_table):
    table = make_table()
    figure = drawn(heatmaps.score_page, table)
    assert [axes.get_title() for axes in panels(figure)] == [
        f"{size} parameters" for size in ("10k", "30k", "100k", "300k", "1M", "3M")
    ]
    for axes, size in zip(panels(figure), SIZES, strict=True):
        assert ticks(axes.xaxis) == [str(band) for band in BANDS]
        for row, model in zip(cells(axes), MODELS, strict=True):
            for word, band in zip(row, BANDS, strict=True):
                chosen = (table["model"] == model) & (table["size"] == size) & (table["bandlimit"] == band)
                assert number(word) == pytest.approx(table[chosen]["psnr"].mean(), abs=0.051)
    assert ticks(panels(figure)[0].yaxis) == MODELS


def test_scores_over_budgets_hold_the_same_cells(make_table):
    comparison = comparison_of(make_table())
    by_size = heatmaps.score_page(comparison, over_bands(comparison))
    by_band = heatmaps.score_page(comparison, over_budgets(comparison))
    first = np.array([cells(axes) for axes in panels(by_size)])  # [size, model, band]
    second = np.array([cells(axes) for axes in panels(by_band)])  # [band, model, size]
    assert (first == second.transpose(2, 1, 0)).all()
    assert [axes.get_title() for axes in panels(by_band)] == [f"band {band}" for band in BANDS]
    assert ticks(panels(by_band)[0].xaxis) == ["10k", "30k", "100k", "300k", "1M", "3M"]


def test_leads_are_scores_minus_grids_on_a_symmetric_scale(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000])
    figure = drawn(heatmaps.lead_page, table)
    (axes,) = panels(figure)
    assert ticks(axes.yaxis) == [model for model in MODELS if model != "Grid"]
    means = table.groupby(["model", "bandlimit"])["psnr"].mean()
    for row, model in zip(cells(axes), ticks(axes.yaxis), strict=True):
        for word, band in zip(row, [0.1, 0.5], strict=True):
            assert word[0] in "+−"
            assert number(word) == pytest.approx(means[model, band] - means["Grid", band], abs=0.051)
    low, high = axes.collections[0].get_clim()
    assert low == -high
    assert "positive: better than Grid" in said(figure)
    red, _, blue, _ = axes.collections[0].cmap(1.0)
    assert blue > red


def test_a_lead_is_taken_over_the_draws_that_both_have(make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.5], sizes=[10_000], seeds=[1, 2, 3])
    table.loc[table["model"] == "Siren", "psnr"] = [20.0, 30.0, 40.0]
    table.loc[table["model"] == "Grid", "psnr"] = [10.0, 15.0, 0.0]
    fail(table, (table["model"] == "Grid") & (table["seed"] == 3))
    figure = drawn(heatmaps.lead_page, table)
    assert cells(figure.axes[0]) == [["+12.5*"]]


def test_no_lead_where_grid_is_missing(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000])
    figure = drawn(heatmaps.lead_page, table[(table["model"] != "Grid") | (table["bandlimit"] == 0.1)])
    assert {row[1] for row in cells(figure.axes[0])} == {"–"}
    assert all(row[0] != "–" for row in cells(figure.axes[0]))
    assert drawn(heatmaps.lead_page, table[table["model"] != "Grid"]) is None


def test_cells_without_a_score_say_why(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000], seeds=[1, 2])
    fail(table, table["model"] == "GSplat", "unsupported")
    fail(table, table["model"] == "Wire", "out_of_memory")
    fail(table, table["model"] == "Siren", "diverged")
    fail(table, (table["model"] == "BACON") & (table["seed"] == 1), "diverged")
    table = table[(table["model"] != "FourFeat") | (table["bandlimit"] == 0.1)]
    figure = drawn(heatmaps.score_page, table, models=MODELS)
    rows = dict(zip(MODELS, cells(figure.axes[0]), strict=True))
    assert (rows["GSplat"], rows["Wire"], rows["Siren"]) == (["n/a"] * 2, ["oom"] * 2, ["div"] * 2)
    assert rows["FourFeat"][1] == "–"
    left = table[(table["model"] == "BACON") & (table["seed"] == 2) & (table["bandlimit"] == 0.5)]
    assert rows["BACON"][1] == f"{left['psnr'].item():.1f}*"
    below = said(figure)
    for meaning in ("– no score", "n/a unsupported", "div diverged", "oom out of memory", "* mean of fewer runs"):
        assert meaning in below
    mask = np.ma.getmaskarray(figure.axes[0].collections[0].get_array())
    assert mask.sum() == 7


def test_a_complete_page_explains_no_signs(make_table):
    assert "no score" not in said(drawn(heatmaps.score_page, make_table(bands=[0.1], sizes=[10_000])))


def test_nothing_but_unsupported_is_still_a_page(tmp_path, make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000])
    fail(table, table["psnr"] > -math.inf, "unsupported", "no such thing")
    comparison = comparison_of(table)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    assert {word for row in cells(figure.axes[0]) for word in row} == {"n/a"}
    assert len(figure.axes) == 1  # no colour bar
    assert sorted(draw_figures.pages(comparison)) == ["psnr_over_bands", "psnr_over_budgets"]
    assert len(draw_figures.draw(rows_of(table), tmp_path)) == 4  # PNG and PDF
    assert any(
        "Siren: 10 runs unsupported (10k): no such thing" in line for line in draw_figures.missing(rows_of(table))
    )


def test_a_single_cell(tmp_path, make_table):
    table = make_table(models=["Grid"], bands=[0.5], sizes=[2500], seeds=[1])
    stems = [path.stem for path in draw_figures.draw(rows_of(table), tmp_path)]
    expected = ["psnr_over_bands", "psnr_over_budgets", "convergence_over_updates", "convergence_over_seconds"]
    assert stems == [name for name in expected for _ in ("png", "pdf")]
    figure = drawn(heatmaps.score_page, table)
    assert cells(figure.axes[0]) == [[f"{table['psnr'].item():.1f}"]]
    assert "mean over" not in said(figure)
    assert draw_figures.missing(rows_of(table)) == []


def test_the_star_has_nine_bands_from_its_rings(make_table):
    table = make_table(bands=[None], sizes=[10_000, 30_000], rings=9)
    fail(table, (table["model"] == "Wire") & (table["size"] == 30_000), "out_of_memory")
    comparison = comparison_of(table)
    assert comparison.bands == tuple(BANDS)
    assert comparison.regions == (*BANDS, None)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    first, second = panels(figure)
    chosen = table[(table["model"] == "Siren") & (table["size"] == 10_000)]
    expected = np.mean(chosen["psnr_rings"].tolist(), axis=0)
    assert [number(word) for word in cells(first)[1]] == pytest.approx(expected, abs=0.051)
    assert cells(second)[MODELS.index("Wire")] == ["oom"] * 9
    whole = heatmaps.score_page(comparison, over_budgets(comparison))
    assert [axes.get_title() for axes in panels(whole)] == [*(f"band {band}" for band in BANDS), "whole signal"]
    assert number(cells(panels(whole)[-1])[1][0]) == pytest.approx(chosen["psnr"].mean(), abs=0.051)
    assert "0.1 the outermost" in said(whole)
    (line,) = draw_figures.missing(rows_of(table))
    assert line == "2d_Sphere paper_1000_1000: Wire: 5 runs out of memory (30k): the loss was not finite"


def test_other_metrics_know_no_rings(make_table):
    table = make_table(bands=[None], sizes=[10_000, 30_000], rings=9)
    comparison = comparison_of(table, metric="ssim")
    assert comparison.regions == (None,)
    figure = draw_figures.pages(comparison)["ssim_over_budgets"]
    chosen = table[(table["model"] == "Siren") & (table["size"] == 10_000)]
    assert cells(figure.axes[0])[1][0] == f"{chosen['ssim'].mean():.3f}"
    assert "SSIM" in said(figure)
    assert "dB" not in said(figure)


def test_the_latest_of_several_configurations_is_drawn(make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.1], sizes=[10_000], seeds=[1])
    again = table.assign(config_hash="b", started="2025-06-01T00:00:00", psnr=[50.0, 40.0])
    old = table.assign(config_hash="c", started="2024-06-01T00:00:00", psnr=[1.0, 2.0])
    table = pd.concat([again, old, table], ignore_index=True)
    assert cells(drawn(heatmaps.score_page, table).axes[0]) == [["50.0"], ["40.0"]]
    assert draw_figures.missing(rows_of(table)) == [
        "2d_Sphere paper_1000_1000: 4 older rows are passed over: later ones are of other settings or other code"
    ]


def test_items_are_draws(make_table):
    table = pd.concat(
        [make_table(models=["Grid"], bands=[None], sizes=[10_000], seeds=[1, 2], item=i) for i in ("0007", "0064")],
        ignore_index=True,
    )
    figure = drawn(heatmaps.score_page, table, over_budgets)
    assert cells(figure.axes[0]) == [[f"{table['psnr'].mean():.1f}"]]
    assert "2 items and 2 seeds" in said(figure)
    assert "mean over items and seeds" in said(figure)


def test_text_contrasts_with_its_cell():
    assert style.ink_on((0.0, 0.0, 0.3, 1.0)) == "white"
    assert style.ink_on((1.0, 0.9, 0.2, 1.0)) == "black"


def test_a_lossless_cell_does_not_flatten_the_others(make_table):
    table = make_table()
    table.loc[(table["model"] == "Grid") & (table["size"] == SIZES[0]) & (table["bandlimit"] == 0.1), "psnr"] = 155.0
    table.loc[(table["model"] == "Siren") & (table["bandlimit"] == 0.1), "psnr"] = 160.0
    figure = drawn(heatmaps.score_page, table)
    first = panels(figure)[0]
    (mesh,) = first.collections
    others = np.sort(table.loc[table["psnr"] < 155, "psnr"].dropna())
    assert mesh.norm.vmax <= others[-1], "the scale is that of the other cells"
    assert cells(first)[MODELS.index("Grid")][0] == "155", "the cell still says its value"


@pytest.mark.parametrize("exact", ["Grid", "Siren"])
def test_leads_over_a_lossless_score_and_of_one_do_not_bleach_the_others(make_table, exact):
    table = make_table(models=["FourFeat", "Siren", "Grid"])
    assert table["psnr"].max() < 80
    whole = drawn(heatmaps.lead_page, table[table["size"] != SIZES[-1]])
    table.loc[(table["size"] == SIZES[-1]) & (table["model"] == exact), "psnr"] = 110.0
    if exact == "Siren":
        table = table[(table["size"] != SIZES[-1]) | (table["model"] != "FourFeat")]
    (axes, *_), (before, *_) = panels(drawn(heatmaps.lead_page, table)), panels(whole)
    assert axes.collections[0].get_clim() == before.collections[0].get_clim()


def test_a_cell_of_which_a_fit_learned_nothing_says_so(make_table, check_page):
    table = make_table(models=["Siren", "Grid"], sizes=[10_000], seeds=[1, 2]).assign(psnr_constant=9.0)
    table.loc[(table["model"] == "Siren") & (table["bandlimit"] == 0.5), "psnr"] = [9.0, 15.0]
    comparison = comparison_of(table)
    for page in (heatmaps.score_page, heatmaps.lead_page):
        figure = page(comparison, over_bands(comparison))
        marked = [word for row in cells(figure.axes[0]) for word in row if word.endswith("°")]
        assert [number(word.rstrip("°")) for word in marked] == [
            pytest.approx(12.0 - (page is heatmaps.lead_page) * grid_at(table, 0.5), abs=0.051)
        ]
        assert "° a fit there learned nothing over the mean of the truth" in said(figure)
        check_page(figure)
    figure = heatmaps.score_page(comparison, over_budgets(comparison), Layout(3.3))
    assert [word for axes in panels(figure) for row in cells(axes) for word in row if "°" in word] == ["12.0°"]


def test_a_page_without_numbers_names_what_they_would_have_said(make_table, check_page):
    table = make_table(models=["Siren", "Grid"], sizes=[10_000], seeds=[1]).assign(psnr_constant=9.0)
    table.loc[(table["model"] == "Siren") & (table["bandlimit"] == 0.5), "psnr"] = 9.0
    fail(table, (table["model"] == "Grid") & (table["bandlimit"] == 0.1))
    figure = drawn(heatmaps.score_page, table, layout=Layout(2.2))
    assert not figure.axes[0].texts
    told = said(figure)
    assert "hatched: no score" in told
    assert "learned nothing over the mean of the truth: Siren at 10k (1 of 9 trials)" in told
    assert "div" not in told
    check_page(figure)


def grid_at(table, band):
    return table[(table["model"] == "Grid") & (table["bandlimit"] == band)]["psnr"].mean()


def test_names_of_neighbouring_axes_do_not_meet(make_table):
    table = make_table(["Siren", "Grid"], [0.1, 0.5], [10_000, 30_000], [1], signal="BandlimitedSignal")
    comparison = comparison_of(table)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    figure.draw_without_rendering()
    left, right = (axes.xaxis.label.get_window_extent() for axes in panels(figure))
    assert left.x1 < right.x0
