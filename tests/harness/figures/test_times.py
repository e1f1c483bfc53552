"""Figures of time: convergence, and quality against seconds."""

import numpy as np
import pytest

from harness.analysis import timing
from harness.analysis.comparison import Place, comparisons
from harness.analysis.selection import few, from_the_middle
from harness.analysis.winner import mean_of
from harness.figures import draw_figures
from harness.figures.convergence import convergence_page, trace
from harness.figures.pareto import Point, competing, front, pareto_page, points_at
from target_signals.tasks.metrics import METRICS
from tests.harness.figures.reading import said
from tests.harness.tables import CLASSICAL, comparison_of, rows_of

MODELS = ["Siren", "Wire", "Grid"]


def fits(table, metric="psnr"):
    return comparison_of(table, metric=metric).of_fits()


def lines(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def solve(table, models):
    """Turn models' rows into those of closed forms: one evaluation, no updates."""
    for index in table.index[table["model"].isin(models)]:
        point = {"step": 0, "loss": 0.1, "psnr": table.at[index, "psnr"], "seconds": 0.01}
        table.at[index, "curve"], table.at[index, "updates"], table.at[index, "seconds"] = [point], 0, 0.01


def test_a_trace_is_the_mean_over_seeds_with_its_spread(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=[1, 2, 3])
    found = trace(fits(table), Place("Wire", 10_000, 0.5), "seconds")
    own = table[table["model"] == "Wire"]
    psnr = np.array([[point["psnr"] for point in curve] for curve in own["curve"]])
    assert found.mean == pytest.approx(psnr.mean(axis=0))
    assert (found.low, found.high) == (pytest.approx(psnr.min(axis=0)), pytest.approx(psnr.max(axis=0)))
    assert found.x[-1] == pytest.approx(own["seconds"].mean())
    assert found.runs == 3


def test_means_are_those_of_the_table_where_items_have_unequal_numbers_of_seeds(make_row):
    draws = [("0064", 1, 40.0), ("0064", 2, 40.0), ("0064", 3, 40.0), ("0007", 1, 20.0)]
    rows = []
    for item, seed, psnr in draws:
        curve = [{"step": 3, "loss": 0.1, "psnr": psnr, "seconds": psnr}]
        rows.append(make_row(item=item, bandlimit=None, seed=seed, psnr=psnr, seconds=psnr, curve=curve))
    (comparison,) = comparisons(rows)
    place = Place("Grid", 2500, None)
    (point,) = points_at(comparison, None)
    found = trace(comparison, place, "seconds")
    assert (found.mean[-1], found.x[-1]) == (point.score, point.seconds) == (30.0, 30.0)
    assert mean_of(comparison.scores(place)) == 30.0


def test_updates_count_the_batches_of_an_epoch(make_table):
    table = make_table(models=["Wire"], bands=[0.5], sizes=[10_000], seeds=[1], updates=3000)
    assert trace(fits(table), Place("Wire", 10_000, 0.5), "updates").x == pytest.approx([3, 1500, 3000])


def test_a_run_evaluated_at_other_steps_is_not_averaged(make_table):
    table = make_table(models=["Wire"], bands=[0.5], sizes=[10_000], seeds=[1, 2, 3])
    table.at[0, "curve"] = table.at[0, "curve"][:2]
    assert trace(fits(table), Place("Wire", 10_000, 0.5), "seconds").runs == 2


@pytest.mark.parametrize("clock", ["updates", "seconds"])
def test_convergence_has_a_line_a_model_and_a_panel_a_band_and_budget(make_table, check_page, clock):
    table = make_table(models=[*MODELS, *CLASSICAL], seeds=[1, 2])
    solve(table, CLASSICAL)
    comparison = fits(table)
    figure = convergence_page(comparison, clock)
    assert [axes.get_title() for axes in figure.axes] == [
        f"band {band}, {size} parameters" for band in (0.1, 0.5, 0.9) for size in ("10k", "100k", "3M")
    ]
    for axes in figure.axes:
        assert list(lines(axes)) == [*MODELS, *CLASSICAL]
        assert all(len(lines(axes)[model].get_xdata()) == 1 for model in CLASSICAL)
    wire = lines(figure.axes[1])["Wire"]
    expected = trace(comparison, Place("Wire", 100_000, 0.1), clock)
    assert wire.get_xdata() == pytest.approx(expected.x)
    assert wire.get_ydata() == pytest.approx(expected.mean)
    assert figure.axes[0].get_xscale() == ("log" if clock == "seconds" else "linear")
    text = said(figure)
    assert "shown: 3 of 9 bands and 3 of 6 budgets" in text
    assert "solved without updates, a single point: Grid_exact, BlockDCT, Wavelet" in text
    assert "shaded: minimum to maximum" in text
    check_page(figure)


@pytest.mark.parametrize("page", [pareto_page, lambda comparison: convergence_page(comparison, "seconds")])
def test_lossless_scores_lie_at_the_upper_edge_and_that_is_said(make_table, check_page, page):
    table = make_table(models=[*MODELS, "Wavelet"], bands=[0.5], sizes=[10_000], seeds=[1])
    table.loc[table["model"] == "Wavelet", "psnr"] = 160.0
    solve(table, ["Wavelet"])
    figure = page(fits(table))
    (axes,) = figure.axes
    highest = table.loc[table["model"] != "Wavelet", "psnr"].max()
    assert highest < axes.get_ylim()[1] < 1.5 * highest
    heights = [y for line in axes.lines for y in np.ravel(line.get_ydata())]
    assert highest < max(heights) < axes.get_ylim()[1]
    assert "at the upper edge, as they lie beyond: Wavelet" in said(figure)
    check_page(figure)


def test_the_whole_spread_is_on_the_scale(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=[1, 2])
    table.at[0, "curve"] = [point | {"psnr": point["psnr"] + 20} for point in table.at[0, "curve"]]
    (axes,) = convergence_page(fits(table), "updates").axes
    highest = max(point["psnr"] for curve in table["curve"] for point in curve)
    shaded = max(path.vertices[:, 1].max() for band in axes.collections for path in band.get_paths())
    assert shaded == pytest.approx(highest)
    assert axes.get_ylim()[1] >= highest


def test_a_budget_without_curves_has_no_panel_and_is_named(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000, 30_000, 100_000], seeds=[1])
    failed = table["size"] == 100_000
    table.loc[failed, ["status", "psnr"]] = "diverged", np.nan
    figure = convergence_page(fits(table), "updates")
    assert [axes.get_title() for axes in figure.axes] == ["10k parameters", "30k parameters"]
    assert "without a curve: 100k parameters" in said(figure)


def test_a_dotted_line_is_where_grid_ends(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=[1])
    (axes,) = convergence_page(fits(table), "seconds").axes
    dotted = next(line for line in axes.lines if line.get_linestyle() == ":")
    assert dotted.get_ydata()[0] == pytest.approx(table[table["model"] == "Grid"]["psnr"].item())


def test_no_curves_no_convergence(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=[1], curve=None)
    assert convergence_page(fits(table), "updates") is None
    assert "2d_Sphere paper_1000_1000: no row has a curve: no convergence drawn" in draw_figures.missing(rows_of(table))


def test_convergence_comes_with_the_headline_metric_alone(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000, 30_000], seeds=[1])
    comparison = comparison_of(table, metric="ssim")
    assert not [name for name in draw_figures.pages(comparison) if name.startswith("convergence")]
    assert "ssim_against_seconds" in draw_figures.pages(comparison)


def test_seconds_of_different_machines_are_not_mixed(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    other = (table["model"] == "Wire") & (table["size"] == 10_000)
    table.loc[other, ["device", "seconds"]] = ["CPU", 1e6]
    comparison = fits(table)
    assert (comparison.machine, len(timing.elsewhere(comparison))) == ("GPU", 2)
    assert ("Wire", 10_000) not in {(point.model, point.size) for point in points_at(comparison, 0.5)}
    assert trace(comparison, Place("Wire", 10_000, 0.5), "seconds") is None
    assert trace(comparison, Place("Wire", 10_000, 0.5), "updates") is not None
    for figure in (pareto_page(comparison), convergence_page(comparison, "seconds")):
        assert "seconds of GPU alone: 2 runs of other machines or threads left out" in said(figure)
        assert "busy" not in said(figure)
    note = "seconds are those of GPU: 2 runs of other machines or threads left out of them"
    assert f"2d_Sphere paper_1000_1000: {note}" in draw_figures.missing(rows_of(table))


def test_a_model_that_another_machine_timed_is_said_to_be(make_table):
    table = make_table(models=[*MODELS, *CLASSICAL], bands=[0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    table.loc[table["model"] == "Wavelet", "device"] = "GPU, 1 thread"
    table.loc[table["model"] == "BlockDCT", "psnr"] = None
    text = said(pareto_page(fits(table)))
    assert "without a score or seconds: BlockDCT · timed on other machines alone: Wavelet · " in text


def test_waiting_counts_from_construction_on(make_table, check_page):
    table = make_table(models=[*MODELS, *CLASSICAL], bands=[0.5], sizes=[10_000, 30_000], seeds=[1])
    table["updates"], table["ready_seconds"] = 100, 7.0
    solve(table, CLASSICAL)
    table.loc[table["model"] == "BlockDCT", "ready_seconds"] = None
    comparison = fits(table)
    rows = table.set_index(["model", "size"])
    found = {(point.model, point.size): point.seconds for point in points_at(comparison, 0.5, waiting=True)}
    assert found["Wavelet", 10_000] == 7, "its solution is in it"
    for model in MODELS:  # the first of a hundred updates is in the seven seconds
        assert found[model, 10_000] == pytest.approx(7 + 0.99 * rows["seconds"][model, 10_000])
    assert ("BlockDCT", 10_000) not in found
    figures = draw_figures.pages(comparison, waiting=True)
    assert "psnr_against_seconds" not in figures
    figure = figures["psnr_against_waiting_seconds"]
    assert "against seconds from construction to the end of training on GPU" in said(figure)
    check_page(figure)


def test_times_of_a_busy_machine_are_told_of(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    table.loc[table["model"] == "Wire", "load_at_start"] = 1.6
    table.loc[table["model"] == "Siren", "load_at_start"] = 1.5
    comparison = fits(table)
    for figure in (pareto_page(comparison), convergence_page(comparison, "seconds")):
        assert "timed on a busy machine: 4 runs" in said(figure)
    assert "busy" not in said(convergence_page(comparison, "updates"))


def test_the_front_holds_what_nothing_beats():
    points = [Point(*values, draws=1) for values in (("a", 1, 1.0, 10.0), ("b", 1, 2.0, 9.0), ("c", 1, 3.0, 12.0))]
    points += [Point("d", 1, 1.0, 8.0, draws=1), Point("e", 1, 9.0, 12.0, draws=1)]
    assert [point.model for point in front(points, METRICS["psnr"])] == ["a", "c"]
    assert [point.model for point in front(points, METRICS["lpips"])] == ["d"]
    assert front([], METRICS["psnr"]) == []


def test_quality_against_seconds_shows_every_model_and_budget(make_table, check_page):
    table = make_table(models=[*MODELS, *CLASSICAL], seeds=[1, 2])
    solve(table, CLASSICAL)
    comparison = fits(table)
    figure = pareto_page(comparison)
    assert [axes.get_title() for axes in figure.axes] == ["band 0.1", "band 0.5", "band 0.9"]
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    points = points_at(comparison, 0.1)
    assert len(points) == 6 * 6
    means = table[table["bandlimit"] == 0.1].groupby(["model", "size"])[["seconds", "psnr"]].mean()
    for point in points:
        assert (point.seconds, point.score) == tuple(pytest.approx(v) for v in means.loc[(point.model, point.size)])
    drawn = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert len(drawn) == len(points)
    sizes = [line.get_markersize() for line in drawn[:6]]
    assert sizes == sorted(sizes)
    best = front([point for point in points if point.model in MODELS], METRICS["psnr"])  # yardsticks are ranked apart
    edge = lines(axes)["Pareto front"]
    assert edge.get_ydata()[:-1] == pytest.approx([point.score for point in best])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*MODELS, *CLASSICAL, "Pareto front", "10k parameters", "100k parameters", "3M parameters"]
    assert "PSNR (dB) against seconds of training on GPU, mean over seeds" in said(figure)
    assert "the front passes over yardsticks and what lacks cases: Grid_exact, BlockDCT, Wavelet" in said(figure)
    check_page(figure)


def test_a_model_that_failed_on_a_draw_is_not_on_the_front(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    table.loc[table["model"] == "Wire", "psnr"] += 50
    lost = (table["model"] == "Wire") & (table["seed"] == 1) & (table["size"] == 10_000)
    table.loc[lost, ["status", "psnr"]] = ["diverged", None]
    comparison = fits(table)
    found = {(point.model, point.size) for point in competing(comparison, points_at(comparison, 0.5), 0.5)}
    assert found == {(model, size) for model in MODELS for size in (10_000, 30_000)} - {("Wire", 10_000)}


@pytest.mark.parametrize("clock", [None, "updates", "seconds"])
def test_panels_share_one_scale_that_holds_them_all(make_table, clock):
    table = make_table(models=MODELS, bands=[0.1, 0.5, 0.9], sizes=[10_000, 30_000], seeds=[1])
    table.loc[table["bandlimit"] == 0.1, "seconds"] *= 50
    table.loc[table["bandlimit"] == 0.9, "psnr"] += 60
    figure = pareto_page(fits(table)) if clock is None else convergence_page(fits(table), clock)
    assert len(figure.axes) == (3 if clock is None else 6)
    ((left, right),), ((low, high),) = (
        {getattr(axes, of)() for axes in figure.axes} for of in ("get_xlim", "get_ylim")
    )
    drawn = [line for axes in figure.axes for line in axes.lines if line.get_label() in MODELS]
    assert len(drawn) >= len(MODELS) * len(figure.axes)
    for line in drawn:
        assert left <= min(line.get_xdata()) <= max(line.get_xdata()) <= right
        assert low <= min(line.get_ydata()) <= max(line.get_ydata()) <= high
    assert "scale" not in said(figure)


def test_a_short_axis_of_seconds_has_labels(make_table, check_page):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=[1])
    table["seconds"] = [2.2, 3.0, 7.0]
    figure = pareto_page(fits(table))
    figure.canvas.draw()
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert len([at for at in axes.get_xticks() if low <= at <= high]) >= 1
    check_page(figure)


def test_no_seconds_no_front(make_table):
    table = make_table(models=MODELS, bands=[0.5], sizes=[10_000], seeds=[1], seconds=None)
    assert pareto_page(fits(table)) is None
    note = "no row has its seconds: no quality against seconds drawn"
    assert f"2d_Sphere paper_1000_1000: {note}" in draw_figures.missing(rows_of(table))


def test_a_stars_times_are_of_the_whole_fit(make_table):
    table = make_table(models=MODELS, bands=[None], sizes=[10_000, 30_000], rings=9)
    assert len(pareto_page(fits(table)).axes) == 1
    assert len(convergence_page(fits(table), "updates").axes) == 2


@pytest.mark.parametrize(
    ("count", "most", "chosen"), [(2, 3, (0, 1)), (6, 3, (0, 2, 5)), (9, 3, (0, 4, 8)), (5, 1, (2,)), (0, 3, ())]
)
def test_few_are_the_ends_and_what_lies_between(count, most, chosen):
    assert few(range(count), most) == chosen


def test_from_the_middle_outwards():
    assert from_the_middle([1, 2, 3, 4, 5]) == [3, 2, 4, 1, 5]
    assert from_the_middle([1]) == [1]
    assert from_the_middle([]) == []


@pytest.mark.parametrize("page", [pareto_page, lambda comparison: convergence_page(comparison, "updates")])
def test_who_learned_nothing_is_named_below(make_table, page, check_page):
    table = make_table(models=["Siren", "Grid"], bands=[0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    assert "learned nothing" not in said(page(fits(table.assign(psnr_constant=-99.0))))
    siren = (table["model"] == "Siren") & (table["size"] == 10_000)
    figure = page(fits(table.assign(psnr_constant=table["psnr"].where(siren, -99.0))))
    assert "learned nothing over the mean of the truth: Siren at 10k" in said(figure)
    check_page(figure)
