"""Curves over bands and budgets, read from the artists."""

import pytest

from harness.figures import curves, style
from harness.figures.views import over_bands, over_budgets
from tests.harness.figures.reading import drawn, said, ticks
from tests.harness.tables import BANDS, CLASSICAL, MODELS, comparison_of, fail


def test_ticks_stand_at_every_value_and_labels_where_they_fit(make_table):
    axes = drawn(curves.curve_page, make_table(signal="BandlimitedSignal", seeds=[1])).axes[0]
    assert list(axes.get_xticks()) == BANDS
    assert 1 < sum(map(bool, ticks(axes.xaxis))) < len(BANDS)


def test_curves_hold_means_and_spread(make_table):
    table = make_table(bands=[0.1, 0.5, 0.9], sizes=[10_000, 30_000])
    figure = drawn(curves.curve_page, table)
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
    assert "shaded: minimum to maximum" in said(figure)
    assert figure.axes[0].get_ylabel() == "PSNR (dB)"


@pytest.mark.parametrize("models", [MODELS, [*MODELS, *CLASSICAL]])
def test_curves_tell_models_apart_without_colour(models, make_table):
    figure = drawn(curves.curve_page, make_table(models=models, bands=[0.1, 0.5], sizes=[10_000]))
    handles = figure.legends[0].legend_handles
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*models, "constant mean"]
    assert len({handle.get_marker() for handle in handles}) == len(handles)


def test_curves_over_budgets_are_logarithmic_and_name_what_they_leave_out(make_table):
    table = make_table(bands=[0.1, 0.5], sizes=[10_000, 100_000])
    fail(table, table["model"] == "GSplat", "unsupported")
    fail(table, (table["model"] == "Siren") & (table["seed"] == 1234))
    figure = drawn(curves.curve_page, table, over_budgets)
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert ticks(figure.axes[0].xaxis) == ["10k", "100k"]
    assert "without a score: GSplat" in said(figure)
    assert "some points are means of fewer runs" in said(figure)
    assert "GSplat" not in [line.get_label() for line in figure.axes[0].lines]


def test_curves_need_two_points(make_table):
    comparison = comparison_of(make_table(bands=[0.1], sizes=[10_000]))
    assert curves.curve_page(comparison, over_bands(comparison)) is None
    assert curves.curve_page(comparison, over_budgets(comparison)) is None


def test_a_far_constant_mean_does_not_stretch_the_scale(make_table):
    table = make_table(bands=[0.1], sizes=[10_000, 100_000], psnr_constant=160.0)
    figure = drawn(curves.curve_page, table, over_budgets)
    (axes,) = figure.axes
    assert axes.get_ylim()[1] < 60
    assert axes.get_title() == "band 0.1"
    assert "constant mean: 160, above the scale" in said(figure)


@pytest.mark.parametrize("over", [over_bands, over_budgets])
def test_all_panels_of_curves_share_one_scale(make_table, over):
    figure = drawn(curves.curve_page, make_table(bands=[0.1, 0.5, 0.9], sizes=[10_000, 100_000], seeds=[1]), over)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len(figure.axes) > 1


def test_a_panel_with_one_point_has_it_at_its_band(make_table):
    table = make_table(sizes=[10_000, 30_000])
    figure = drawn(curves.curve_page, table[(table["size"] == 10_000) | (table["bandlimit"] == 0.1)])
    first, second = figure.axes
    assert second.get_xlim() == first.get_xlim()


def test_lossless_scores_lie_at_the_upper_edge_of_curves_and_that_is_said(make_table):
    table = make_table(bands=[0.1], sizes=[10_000, 100_000], seeds=[1])
    lossless = (table["model"] == "Grid") & (table["size"] == 100_000)
    table.loc[lossless, "psnr"] = 155.0
    figure = drawn(curves.curve_page, table, over_budgets)
    (axes,) = figure.axes
    highest = table.loc[~lossless, "psnr"].max()
    (grid,) = (line for line in axes.lines if line.get_label() == "Grid")
    assert highest < grid.get_ydata()[-1] < axes.get_ylim()[1] < 1.3 * highest
    assert "at the upper edge, as they lie beyond: Grid" in said(figure)


def test_many_models_at_one_point_have_few_rings(make_table):
    models = [f"M{i}" for i in range(9)]
    table = make_table(models, [0.1], [10_000, 30_000], [1])
    table["psnr"] = [20.0 + 10 * (size > 10_000) for size in table["size"]]
    comparison = comparison_of(table)
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
    comparison = comparison_of(table)
    figure = curves.curve_page(comparison, over_budgets(comparison))
    overlaid = [line for line in figure.axes[0].lines if line.get_label() == curves.OVERLAID]
    assert {line.get_color() for line in overlaid} == {style.colour(*comparison.looks("Siren"))}, "it lies beneath both"
    rings, dashes = (
        [line for line in overlaid if (line.get_linestyle() == "None") == ringed] for ringed in (True, False)
    )
    assert [list(line.get_xdata()) for line in rings] == [[10_000, 30_000, 100_000]]
    assert [list(line.get_xdata()) for line in dashes] == [[10_000, 30_000], [30_000, 100_000]]
    assert "lies beneath" in said(figure)
    table["psnr"] = [10.0 * i for i in range(len(table))]
    apart = comparison_of(table)
    assert "beneath" not in said(curves.curve_page(apart, over_budgets(apart)))


def test_one_long_name_leaves_the_legend_its_columns(make_table):
    names = [*MODELS, "AModelOfSomebodyWithAVeryLongName"]
    legend = drawn(curves.curve_page, make_table(names, [0.1, 0.5], [10_000])).legends[0]
    assert legend._ncols > 1
