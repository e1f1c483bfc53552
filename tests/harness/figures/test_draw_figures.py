"""The figures' content, read from the artists; how they look is for eyes."""

import json
import math
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from common.errors import UsageError
from common.words import budget_text
from harness.analysis.comparison import WHOLE, Place
from harness.analysis.grouping import comparisons
from harness.commands import figures
from harness.figures import curves, draw_figures, files, heatmaps, style
from harness.figures.layout import Layout
from harness.figures.views import over_bands, over_budgets
from harness.store.schema import NAMES
from target_signals.tasks.metrics import METRICS
from tests.harness.tables import rows_of

MODELS = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "GSplat", "Grid", "Grid_TV"]
BANDS = [round(0.1 * i, 1) for i in range(1, 10)]
CLASSICAL = ["Grid_exact", "BlockDCT", "Wavelet"]
SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000]


def fail(table, where, status="diverged", reason="the loss was not finite"):
    table.loc[where, ["status", "reason", "psnr"]] = [status, reason, None]
    table["psnr_rings"] = table["psnr_rings"].where(~where, None)


def only(table, models=(), metric="psnr"):
    (comparison,) = comparisons(rows_of(table), models, metric)
    return comparison


def panels(figure):
    """The axes of a heatmap's panels, without the colour bar."""
    return [axes for axes in figure.axes if axes.texts]


def cells(axes):
    """The words in a panel's cells, [model][x]."""
    words = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}
    rows, columns = axes.collections[0].get_array().shape
    assert len(words) == rows * columns
    return [[words[row, column] for column in range(columns)] for row in range(rows)]


def texts(figure):
    return "\n".join(text.get_text() for text in figure.texts)


def number(word):
    return float(word.replace("−", "-").rstrip("*"))


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_scores_over_bands_are_the_means_over_seeds(make_table):
    table = make_table()
    comparison = only(table)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
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
    comparison = only(make_table())
    by_size = heatmaps.score_page(comparison, over_bands(comparison))
    by_band = heatmaps.score_page(comparison, over_budgets(comparison))
    first = np.array([cells(axes) for axes in panels(by_size)])  # [size, model, band]
    second = np.array([cells(axes) for axes in panels(by_band)])  # [band, model, size]
    assert (first == second.transpose(2, 1, 0)).all()
    assert [axes.get_title() for axes in panels(by_band)] == [f"band {band}" for band in BANDS]
    assert ticks(panels(by_band)[0].xaxis) == ["10k", "30k", "100k", "300k", "1M", "3M"]


@pytest.mark.parametrize(
    ("signal", "axis", "labels", "title"),
    [
        ("Sierpinski", "subdivision depth", ["0", "4", "8"], "subdivision depth 4"),
        ("BandlimitedSignal", "cut-off (cycles per sample)", ["0.0011", "0.028", "0.49"], "cut-off 0.028"),
        ("SparseSphereSignal", "radius (% of the side)", ["10", "2", "1.1"], "radius 2"),
        ("Somebodys", "band", ["0.1", "0.5", "0.9"], "band 0.5"),
    ],
)
def test_axes_name_the_quantity_that_the_dial_turns(make_table, signal, axis, labels, title):
    comparison = only(make_table(["Siren", "Grid"], [0.1, 0.5, 0.9], [10_000, 30_000], [1], signal=signal))
    named = {"winners": draw_figures.pages(comparison)["psnr_winners"].axes[0]}
    for page in (heatmaps.score_page, curves.curve_page):
        named[page.__name__] = page(comparison, over_bands(comparison)).axes[0]
        assert page(comparison, over_budgets(comparison)).axes[1].get_title() == title
    for axes in named.values():
        assert axes.get_xlabel() == axis
        assert ticks(axes.xaxis)[0] == labels[0]
        assert set(ticks(axes.xaxis)) <= {*labels, ""}
    assert ticks(named["curve_page"].xaxis) == labels


def test_ticks_stand_at_every_value_and_labels_where_they_fit(make_table):
    comparison = only(make_table(signal="BandlimitedSignal", seeds=[1]))
    axes = curves.curve_page(comparison, over_bands(comparison)).axes[0]
    assert list(axes.get_xticks()) == BANDS
    assert 1 < sum(map(bool, ticks(axes.xaxis))) < len(BANDS)


def test_a_page_says_what_was_measured(make_table):
    comparison = only(make_table(bands=[0.1, 0.5]))
    for page in (heatmaps.score_page, heatmaps.lead_page, curves.curve_page):
        said = texts(page(comparison, over_bands(comparison)))
        assert "Sphere 2D" in said
        assert "length 1000 · 1000 steps · preset paper · 5 seeds" in said
        assert "(dB), mean over seeds" in said


def test_a_page_of_other_peoples_rows_says_what_they_lack(make_table):
    comparison = only(make_table(bands=[0.1, 0.5], length=None, steps=None))
    page = curves.curve_page(comparison, over_bands(comparison))
    assert "native size · steps unknown · preset paper · 5 seeds" in texts(page)


def test_leads_are_scores_minus_grids_on_a_symmetric_scale(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000])
    comparison = only(table)
    figure = heatmaps.lead_page(comparison, over_bands(comparison))
    (axes,) = panels(figure)
    assert ticks(axes.yaxis) == [model for model in MODELS if model != "Grid"]
    means = table.groupby(["model", "bandlimit"])["psnr"].mean()
    for row, model in zip(cells(axes), ticks(axes.yaxis), strict=True):
        for word, band in zip(row, [0.1, 0.5], strict=True):
            assert word[0] in "+−"
            assert number(word) == pytest.approx(means[model, band] - means["Grid", band], abs=0.051)
    low, high = axes.collections[0].get_clim()
    assert low == -high
    assert "positive: better than Grid" in texts(figure)
    red, _, blue, _ = axes.collections[0].cmap(1.0)
    assert blue > red


def test_a_lead_is_taken_over_the_draws_that_both_have(make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.5], sizes=[10_000], seeds=[1, 2, 3])
    table.loc[table["model"] == "Siren", "psnr"] = [20.0, 30.0, 40.0]
    table.loc[table["model"] == "Grid", "psnr"] = [10.0, 15.0, 0.0]
    fail(table, (table["model"] == "Grid") & (table["seed"] == 3))
    comparison = only(table)
    figure = heatmaps.lead_page(comparison, over_bands(comparison))
    assert cells(figure.axes[0]) == [["+12.5*"]]


def test_no_lead_where_grid_is_missing(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000])
    comparison = only(table[(table["model"] != "Grid") | (table["bandlimit"] == 0.1)])
    figure = heatmaps.lead_page(comparison, over_bands(comparison))
    assert {row[1] for row in cells(figure.axes[0])} == {"–"}
    assert all(row[0] != "–" for row in cells(figure.axes[0]))
    comparison = only(table[table["model"] != "Grid"])
    assert heatmaps.lead_page(comparison, over_bands(comparison)) is None


def test_cells_without_a_score_say_why(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000], seeds=[1, 2])
    fail(table, table["model"] == "GSplat", "unsupported")
    fail(table, table["model"] == "Wire", "out_of_memory")
    fail(table, table["model"] == "Siren", "diverged")
    fail(table, (table["model"] == "BACON") & (table["seed"] == 1), "diverged")
    table = table[(table["model"] != "FourFeat") | (table["bandlimit"] == 0.1)]
    comparison = only(table, MODELS)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    rows = dict(zip(MODELS, cells(figure.axes[0]), strict=True))
    assert (rows["GSplat"], rows["Wire"], rows["Siren"]) == (["n/a"] * 2, ["oom"] * 2, ["div"] * 2)
    assert rows["FourFeat"][1] == "–"
    left = table[(table["model"] == "BACON") & (table["seed"] == 2) & (table["bandlimit"] == 0.5)]
    assert rows["BACON"][1] == f"{left['psnr'].item():.1f}*"
    said = texts(figure)
    for meaning in ("– no score", "n/a unsupported", "div diverged", "oom out of memory", "* mean of fewer runs"):
        assert meaning in said
    mask = np.ma.getmaskarray(figure.axes[0].collections[0].get_array())
    assert mask.sum() == 7


def test_a_complete_page_explains_no_signs(make_table):
    comparison = only(make_table(bands=[0.1], sizes=[10_000]))
    assert "no score" not in texts(heatmaps.score_page(comparison, over_bands(comparison)))


def test_nothing_but_unsupported_is_still_a_page(tmp_path, make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000])
    fail(table, table["psnr"] > -math.inf, "unsupported", "no such thing")
    comparison = only(table)
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
    comparison = only(table)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    assert cells(figure.axes[0]) == [[f"{table['psnr'].item():.1f}"]]
    assert "mean over" not in texts(figure)
    assert draw_figures.missing(rows_of(table)) == []


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame(columns=list(NAMES))])
def test_an_empty_table(table, tmp_path):
    assert draw_figures.draw(rows_of(table), tmp_path) == []
    assert draw_figures.missing(rows_of(table)) == ["there are no rows: nothing to draw"]
    assert list(tmp_path.iterdir()) == []


def test_the_star_has_nine_bands_from_its_rings(make_table):
    table = make_table(bands=[None], sizes=[10_000, 30_000], rings=9)
    fail(table, (table["model"] == "Wire") & (table["size"] == 30_000), "out_of_memory")
    comparison = only(table)
    assert comparison.bands == tuple(BANDS)
    assert comparison.regions == (*BANDS, WHOLE)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    first, second = panels(figure)
    chosen = table[(table["model"] == "Siren") & (table["size"] == 10_000)]
    expected = np.mean(chosen["psnr_rings"].tolist(), axis=0)
    assert [number(word) for word in cells(first)[1]] == pytest.approx(expected, abs=0.051)
    assert cells(second)[MODELS.index("Wire")] == ["oom"] * 9
    whole = heatmaps.score_page(comparison, over_budgets(comparison))
    assert [axes.get_title() for axes in panels(whole)] == [*(f"band {band}" for band in BANDS), "whole signal"]
    assert number(cells(panels(whole)[-1])[1][0]) == pytest.approx(chosen["psnr"].mean(), abs=0.051)
    assert "0.1 the outermost" in texts(whole)
    (line,) = draw_figures.missing(rows_of(table))
    assert line == "2d_Sphere paper_1000_1000: Wire: 5 runs out of memory (30k): the loss was not finite"


def test_other_metrics_know_no_rings(make_table):
    table = make_table(bands=[None], sizes=[10_000, 30_000], rings=9)
    comparison = only(table, metric="ssim")
    assert comparison.regions == (WHOLE,)
    figure = draw_figures.pages(comparison)["ssim_over_budgets"]
    chosen = table[(table["model"] == "Siren") & (table["size"] == 10_000)]
    assert cells(figure.axes[0])[1][0] == f"{chosen['ssim'].mean():.3f}"
    assert "SSIM" in texts(figure)
    assert "dB" not in texts(figure)


def test_a_metric_that_no_row_has(tmp_path, make_table):
    table = make_table(bands=[0.1], sizes=[10_000])
    assert draw_figures.draw(rows_of(table), tmp_path, metric="iou") == []
    assert draw_figures.missing(rows_of(table), metric="iou") == [
        "2d_Sphere paper_1000_1000: no row has iou: nothing drawn"
    ]
    with pytest.raises(UsageError, match=r"unknown metric 'pnsr' \(did you mean 'psnr'\?\)"):
        draw_figures.draw(rows_of(table), tmp_path, metric="pnsr")


def test_a_signal_without_bands_has_no_figures_over_bands(make_table):
    names = draw_figures.pages(only(make_table(bands=[None], sizes=[10_000, 30_000])))
    assert list(names) == [
        *("psnr_over_budgets", "psnr_over_budgets_minus_Grid", "psnr_over_budgets_curves", "psnr_winners"),
        *("psnr_against_seconds", "convergence_over_updates", "convergence_over_seconds"),
    ]


def test_curves_hold_means_and_spread(make_table):
    table = make_table(bands=[0.1, 0.5, 0.9], sizes=[10_000, 30_000])
    comparison = only(table)
    figure = curves.curve_page(comparison, over_bands(comparison))
    groups = table.groupby(["size", "model", "bandlimit"])["psnr"]
    for axes, size in zip(figure.axes, [10_000, 30_000], strict=True):
        lines = {line.get_label(): line for line in axes.lines if line.get_label() != curves.OVERLAID}
        assert list(lines) == [*MODELS, "constant mean"]
        for model, shade in zip(MODELS, axes.collections, strict=True):
            assert lines[model].get_ydata() == pytest.approx(groups.mean()[size, model].to_numpy())
            span = shade.get_paths()[0].vertices[:, 1]
            assert span.min() == pytest.approx(groups.min()[size, model].min())
            assert span.max() == pytest.approx(groups.max()[size, model].max())
        assert lines["constant mean"].get_ydata() == pytest.approx([8.7, 7.5, 6.3])
        assert lines["constant mean"].get_linestyle() == "--"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "shaded: minimum to maximum" in texts(figure)
    assert figure.axes[0].get_ylabel() == "PSNR (dB)"


@pytest.mark.parametrize("models", [MODELS, [*MODELS, *CLASSICAL]])
def test_curves_tell_models_apart_without_colour(models, make_table):
    comparison = only(make_table(models=models, bands=[0.1, 0.5], sizes=[10_000]))
    figure = curves.curve_page(comparison, over_bands(comparison))
    handles = figure.legends[0].legend_handles
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*models, "constant mean"]
    assert len({handle.get_marker() for handle in handles}) == len(handles)


def test_twelve_models_have_twelve_colours_and_the_classical_ones_are_grey(make_table):
    comparison = only(make_table(models=[*CLASSICAL, *MODELS], bands=[0.1], sizes=[10_000], seeds=[1]))
    colours = {model: to_rgb(style.colour(*comparison.looks(model))) for model in comparison.models}
    assert len(set(colours.values())) == 12
    assert {model for model, (red, green, blue) in colours.items() if red == green == blue} == set(CLASSICAL)
    without = only(make_table(models=MODELS, bands=[0.1], sizes=[10_000], seeds=[1]))
    assert [comparison.looks(model) for model in MODELS] == [without.looks(model) for model in MODELS]


def test_curves_over_budgets_are_logarithmic_and_name_what_they_leave_out(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000, 100_000])
    fail(table, table["model"] == "GSplat", "unsupported")
    fail(table, (table["model"] == "Siren") & (table["seed"] == 1234))
    comparison = only(table)
    figure = curves.curve_page(comparison, over_budgets(comparison))
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert ticks(figure.axes[0].xaxis) == ["10k", "100k"]
    assert "without a score: GSplat" in texts(figure)
    assert "some points are means of fewer runs" in texts(figure)
    assert "GSplat" not in [line.get_label() for line in figure.axes[0].lines]


def test_curves_need_two_points(make_table):
    comparison = only(make_table(bands=[0.1], sizes=[10_000]))
    assert curves.curve_page(comparison, over_bands(comparison)) is None
    assert curves.curve_page(comparison, over_budgets(comparison)) is None


def test_a_far_constant_mean_does_not_stretch_the_scale(make_table):
    table = make_table(bands=[0.1], sizes=[10_000, 100_000], psnr_constant=160.0)
    comparison = only(table)
    figure = curves.curve_page(comparison, over_budgets(comparison))
    (axes,) = figure.axes
    assert axes.get_ylim()[1] < 60
    assert axes.get_title() == "band 0.1"
    assert "constant mean: 160, above the scale" in texts(figure)


@pytest.mark.parametrize("over", [over_bands, over_budgets])
def test_all_panels_of_curves_share_one_scale(make_table, over):
    comparison = only(make_table(bands=[0.1, 0.5, 0.9], sizes=[10_000, 100_000], seeds=[1]))
    figure = curves.curve_page(comparison, over(comparison))
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len(figure.axes) > 1


def test_lossless_scores_lie_at_the_upper_edge_of_curves_and_that_is_said(make_table):
    table = make_table(bands=[0.1], sizes=[10_000, 100_000], seeds=[1])
    lossless = (table["model"] == "Grid") & (table["size"] == 100_000)
    table.loc[lossless, "psnr"] = 155.0
    comparison = only(table)
    figure = curves.curve_page(comparison, over_budgets(comparison))
    (axes,) = figure.axes
    highest = table.loc[~lossless, "psnr"].max()
    (grid,) = (line for line in axes.lines if line.get_label() == "Grid")
    assert highest < grid.get_ydata()[-1] < axes.get_ylim()[1] < 1.3 * highest
    assert "at the upper edge, as they lie beyond: Grid" in texts(figure)


def test_many_models_at_one_point_have_few_rings(make_table):
    models = [f"M{i}" for i in range(9)]
    table = make_table(models, [0.1], [10_000, 30_000], [1])
    table["psnr"] = [20.0 + 10 * (size > 10_000) for size in table["size"]]
    comparison = only(table)
    (axes,) = curves.curve_page(comparison, over_budgets(comparison)).axes
    rings = [line for line in axes.lines if line.get_label() == curves.OVERLAID and line.get_linestyle() == "None"]
    assert len(rings) == curves.MOST_RINGS
    colours = [style.colour(*comparison.looks(model)) for model in models[-1 - curves.MOST_RINGS : -1]]
    assert [line.get_color() for line in rings] == colours, "of those right beneath the topmost"


def test_models_that_coincide_are_all_seen(make_table):
    table = make_table(["Siren", "Wire", "Grid"], [0.1], [10_000, 30_000, 100_000], [1])
    scores = {"Siren": [20.0, 25.0, 30.0], "Wire": [20.0, 25.0, 35.0], "Grid": [10.0, 15.0, 30.01]}
    for model, values in scores.items():
        table.loc[table["model"] == model, "psnr"] = values
    comparison = only(table)
    figure = curves.curve_page(comparison, over_budgets(comparison))
    overlaid = [line for line in figure.axes[0].lines if line.get_label() == curves.OVERLAID]
    assert {line.get_color() for line in overlaid} == {style.colour(*comparison.looks("Siren"))}, "it lies beneath both"
    rings, dashes = (
        [line for line in overlaid if (line.get_linestyle() == "None") == ringed] for ringed in (True, False)
    )
    assert [list(line.get_xdata()) for line in rings] == [[10_000, 30_000, 100_000]]
    assert [list(line.get_xdata()) for line in dashes] == [[10_000, 30_000], [30_000, 100_000]]
    assert "lies beneath" in texts(figure)
    table["psnr"] = [10.0 * i for i in range(len(table))]
    apart = only(table)
    assert "beneath" not in texts(curves.curve_page(apart, over_budgets(apart)))


@pytest.mark.parametrize("signal", ["Sierpinski", "BandlimitedSignal"])
@pytest.mark.parametrize("bands", [[0.1, 0.5, 0.9], BANDS])
def test_a_page_of_a_columns_width_is_that_wide_and_its_text_is_of_eight_points(make_table, check_page, signal, bands):
    comparison = only(make_table(bands=bands, sizes=SIZES[:3], seeds=[1, 2], signal=signal))
    title = "Nine models at three budgets, and a title of more than one line"
    figures = draw_figures.pages(comparison, layout=Layout(3.3, title))
    assert list(figures) == list(draw_figures.pages(comparison)), "all that there are otherwise"
    assert len(figures) == 10
    for figure in figures.values():
        assert figure.get_size_inches()[0] == pytest.approx(3.3)
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 8
        assert figure.texts[0].get_text().replace("\n", " ") == title
        assert "preset" not in texts(figure)
        check_page(figure)
    bare = draw_figures.pages(comparison, layout=Layout(3.3))["psnr_over_budgets_curves"]
    assert signal not in texts(bare)
    assert bare.get_size_inches()[1] < figure.get_size_inches()[1]


def test_a_choice_leaves_out_and_changes_no_colour(make_table):
    comparison = only(make_table([*MODELS, *CLASSICAL], [0.1, 0.5], SIZES, [1]))
    part = draw_figures.Choice(["Wavelet", "Grid"], [30_000]).of(comparison)
    assert (part.models, part.sizes) == (("Grid", "Wavelet"), (30_000,))
    assert [part.looks(model) for model in part.models] == [comparison.looks(model) for model in part.models]
    assert draw_figures.Choice(["Siren"], [7]).of(comparison) is None


def test_presets_lengths_and_steps_are_never_mixed(tmp_path, make_table):
    variants = [("paper", 1000, 1000), ("quick", 128, 250), ("quick", 128, 10), ("quick", 64, 10)]
    tables = [
        make_table(["Siren", "Grid"], [0.1], [10_000], [1], preset=preset, length=length, steps=steps)
        for preset, length, steps in variants
    ]
    paths = draw_figures.draw(rows_of(pd.concat(tables, ignore_index=True)), tmp_path)
    folders = list(dict.fromkeys(path.parent for path in paths))
    assert folders == [
        tmp_path / "2d_Sphere" / "figures" / f"{preset}_{length}_{steps}" for preset, length, steps in variants
    ]
    heads = {".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert all(path.is_file() and path.read_bytes()[:4] == heads[path.suffix] for path in paths)
    assert {path.with_suffix("") for path in paths if path.suffix == ".png"} == {
        path.with_suffix("") for path in paths if path.suffix == ".pdf"
    }


def test_tasks_and_signals_have_their_own_folders(tmp_path, make_table):
    tables = [
        make_table(models=["Grid"], bands=[None], sizes=[10_000], seeds=[1], **columns)
        for columns in ({"signal": "a/b", "task": "denoise_0.05"}, {"signal": "Sphere", "dim": 3}, {"length": None})
    ]
    paths = draw_figures.draw(rows_of(pd.concat(tables, ignore_index=True)), tmp_path)
    folders = dict.fromkeys(path.relative_to(tmp_path).parts[0] for path in paths)
    assert list(folders) == ["2d_a-b_denoise_0.05", "3d_Sphere", "2d_Sphere"]
    assert paths[-1].parent.name == "paper_native_1000"


def test_the_latest_of_several_configurations_is_drawn(make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.1], sizes=[10_000], seeds=[1])
    again = table.assign(config_hash="b", started="2025-06-01T00:00:00", psnr=[50.0, 40.0])
    old = table.assign(config_hash="c", started="2024-06-01T00:00:00", psnr=[1.0, 2.0])
    table = pd.concat([again, old, table], ignore_index=True)
    comparison = only(table)
    assert cells(heatmaps.score_page(comparison, over_bands(comparison)).axes[0]) == [["50.0"], ["40.0"]]
    assert draw_figures.missing(rows_of(table)) == [
        "2d_Sphere paper_1000_1000: 4 older rows are passed over: later ones are of other settings or other code"
    ]


def test_items_are_draws(make_table):
    table = pd.concat(
        [make_table(models=["Grid"], bands=[None], sizes=[10_000], seeds=[1, 2], item=i) for i in ("0007", "0064")],
        ignore_index=True,
    )
    comparison = only(table)
    figure = heatmaps.score_page(comparison, over_budgets(comparison))
    assert cells(figure.axes[0]) == [[f"{table['psnr'].mean():.1f}"]]
    assert "2 items and 2 seeds" in texts(figure)
    assert "mean over items and seeds" in texts(figure)


def test_models_come_in_the_order_given_or_of_appearance(make_table):
    table = make_table(models=["Zebra", "Grid", "Ant"], bands=[0.1], sizes=[10_000], seeds=[1])
    assert only(table).models == ("Zebra", "Grid", "Ant")
    assert only(table, ["Siren", "Grid", "Zebra"]).models == ("Grid", "Zebra", "Ant")
    assert only(table, ["Siren", "Grid"]).palette == ("Siren", "Grid", "Ant", "Zebra")


def test_what_is_missing_is_said(make_table):
    table = make_table(models=["Siren", "Wire"], bands=[0.1, 0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    siren = table["model"] == "Siren"
    fail(table, (table["model"] == "Wire") & (table["bandlimit"] == 0.5))
    table = table[~(siren & (table["size"] == 30_000)) & ~(siren & (table["bandlimit"] == 0.1) & (table["seed"] == 2))]
    assert draw_figures.missing(rows_of(table), ["Siren", "Wire", "BACON"]) == [
        f"2d_Sphere paper_1000_1000: {note}"
        for note in (
            "no rows of BACON",
            "Siren lacks 5 of 8 runs (10k: bands 0.1; 30k)",
            "Wire: 4 runs diverged (10k: bands 0.5; 30k: bands 0.5): the loss was not finite",
            "no rows of Grid: no differences to it drawn",
        )
    ]


def test_a_run_of_nan_is_no_score(make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.1], sizes=[10_000], seeds=[1, 2])
    table.loc[0, "psnr"] = None
    comparison = only(table)
    assert len(comparison.scores(Place("Siren", 10_000, 0.1))) == 1


def test_a_pdf_embeds_the_fonts_that_matplotlib_ships(tmp_path, make_table, monkeypatch, shipped_fonts):
    monkeypatch.setitem(style.RC, "pdf.fonttype", shipped_fonts)
    with rc_context({"font.family": ["serif"], "pdf.fonttype": 3}):  # a user's own settings do not matter
        paths = draw_figures.draw(rows_of(make_table(bands=[0.1], sizes=[10_000], seeds=[1])), tmp_path)
    for path in paths:
        if path.suffix == ".pdf":
            data = path.read_bytes()
            assert b"/FontFile2" in data  # TrueType
            assert b"/Type3" not in data
            assert set(re.findall(rb"/BaseFont /[A-Z]+\+(\w+)", data)) <= {b"DejaVuSans"}
            assert b"CreationDate" not in data


def test_drawing_again_replaces_the_files_and_leaves_nothing_else(tmp_path, make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.1], sizes=[10_000], seeds=[1])
    first = draw_figures.draw(rows_of(table), tmp_path)
    before = [path.read_bytes() for path in first]
    assert draw_figures.draw(rows_of(table), tmp_path) == first
    assert [path.read_bytes() for path in first] == before
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*first, first[0].with_name(".drawn_of_psnr.json")}


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_no_room_for_a_figure_is_an_error_that_names_it(tmp_path, make_table, ending):
    """And not one of matplotlib's own, which closes its files as if they were whole."""
    comparison, path = only(make_table(seeds=[1])), tmp_path / f"a.{ending}"
    page = heatmaps.score_page(comparison, over_budgets(comparison))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: '{path}'"):
            files.write(page, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sizes", [[2500], SIZES])
@pytest.mark.parametrize("bands", [[0.5], [0.1, 0.5, 0.9], BANDS])
def test_nothing_is_cut_off_and_no_cell_overflows(sizes, bands, make_table):
    table = make_table(bands=bands, sizes=sizes, seeds=[1, 2])
    fail(table, (table["model"] == "Siren") & (table["seed"] == 2))
    for figure in draw_figures.pages(only(table)).values():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw_without_rendering()
        page = figure.bbox
        tight = figure.get_tightbbox(renderer).transformed(figure.dpi_scale_trans)
        assert page.x0 <= tight.x0
        assert tight.x1 <= page.x1
        assert page.y0 <= tight.y0
        assert tight.y1 <= page.y1
        for axes in panels(figure):
            for text in axes.texts:
                cell = axes.transData.transform([[0, 0], [1, 1]])
                assert text.get_window_extent(renderer).width < abs(cell[1, 0] - cell[0, 0])


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [(21.04, "", "21.0"), (104.2, "", "104"), (99.96, "", "100"), (-3.2, "+", "−3.2"), (-0.01, "+", "+0.0")],
)
def test_scores_as_text(value, sign, text):
    assert METRICS["psnr"].text(value, sign) == text


@pytest.mark.parametrize(("size", "text"), [(500, "500"), (2500, "2.5k"), (10_000, "10k"), (3_000_000, "3M")])
def test_budgets_as_text(size, text):
    assert budget_text(size) == text


def test_text_contrasts_with_its_cell():
    assert style.ink_on((0.0, 0.0, 0.3, 1.0)) == "white"
    assert style.ink_on((1.0, 0.9, 0.2, 1.0)) == "black"


@pytest.fixture
def results(tmp_path, make_table):
    """A results folder with the rows of a small run."""
    rows = tmp_path / "2d_Sphere" / "rows"
    rows.mkdir(parents=True)
    table = make_table(bands=[0.1, 0.5], sizes=[10_000], seeds=[1])
    for index, row in enumerate(table.astype(object).where(table.notna(), None).to_dict("records")):
        (rows / f"{index}.json").write_text(json.dumps(row))
    return tmp_path


def script(*arguments):
    return figures.main("Draw.", arguments=[*map(str, arguments)])


def test_the_script_draws_and_says_what_it_wrote(results, capsys):
    assert script("--out", str(results), "--signal", "Sphere", "--dim", "2", "--task", "fit") == 0
    *lines, note = capsys.readouterr().out.splitlines()
    assert note.endswith("no residual was kept: no reconstructions and no spectra drawn")
    wrote = [line.removeprefix("wrote ") for line in lines]
    assert sorted(wrote) == sorted(str(path) for path in results.rglob("figures/*/[!.]*.*"))
    assert len(wrote) == 2 * 9


def test_what_was_chosen_stands_apart_from_the_figures_of_everything(results, capsys):
    chosen = ["--models", "Siren", "Grid", "--sizes", "1e4", "--width", "3.3", "--theme", "serif"]
    assert script("--out", str(results), *chosen) == 0
    wrote = [Path(line.removeprefix("wrote ")) for line in capsys.readouterr().out.splitlines()]
    assert {path.parent for path in wrote} == {results / "2d_Sphere" / "figures" / "paper_1000_1000" / "chosen"}
    assert sorted(wrote) == sorted(results.rglob("figures/*/*/*.*"))
    assert b"STIX" in next(path for path in wrote if path.suffix == ".pdf").read_bytes()


def test_the_script_says_what_is_missing(results, capsys):
    next(results.rglob("*.json")).unlink()
    assert script("--out", str(results)) == 0
    assert "lacks 1 of 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--signal", "Spere"], "no rows of signal 'Spere' (did you mean 'Sphere'?); there are: Sphere"),
        (["--dim", "3"], "no rows of dim '3'; there are: 2"),
        (["--task", "ct"], "no rows of task 'ct'; there are: fit"),
        (["--models", "Sirne"], f"no rows of model 'Sirne' (did you mean 'Siren'?); there are: {', '.join(MODELS)}"),
        (["--sizes", "3e4"], "no rows of size '30000' (did you mean '10000'?); there are: 10000"),
        (["--width", "1"], "--width must be from 2.5 to 20 inches, got 1"),
        (["--metric", "iou"], "no row of these has iou; choose another --metric"),
    ],
)
def test_the_script_ends_with_one_line_when_there_is_nothing(results, capsys, options, says):
    assert script("--out", str(results), *options) == 2
    assert capsys.readouterr().err == f"error: {says}\n"


def test_the_script_needs_a_folder_with_rows(tmp_path, capsys):
    assert script("--out", str(tmp_path)) == 2
    assert script("--out", str(tmp_path / "absent")) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: no rows in '{tmp_path}'")
    assert second.startswith(f"error: no folder '{tmp_path / 'absent'}'")


def test_the_script_runs_as_a_file(store, make_row, command):
    path = Path(figures.__file__).parents[2] / "target_signals" / "gen_heatmap_eval_metric_synthetic.py"
    result = command(sys.executable, path, "--out", store([make_row()]))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("wrote ") == 2 * 4


def test_importing_is_cheap():
    code = "import sys, harness.figures.draw_figures; print(sorted({'torch', 'matplotlib'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_lossless_cell_does_not_flatten_the_others(make_table):
    table = make_table()
    table.loc[(table["model"] == "Grid") & (table["size"] == SIZES[0]) & (table["bandlimit"] == 0.1), "psnr"] = 155.0
    table.loc[(table["model"] == "Siren") & (table["bandlimit"] == 0.1), "psnr"] = 160.0
    comparison = only(table)
    figure = heatmaps.score_page(comparison, over_bands(comparison))
    first = panels(figure)[0]
    (mesh,) = first.collections
    others = np.sort(table.loc[table["psnr"] < 155, "psnr"].dropna())
    assert mesh.norm.vmax <= others[-1], "the scale is that of the other cells"
    assert cells(first)[MODELS.index("Grid")][0] == "155", "the cell still says its value"
