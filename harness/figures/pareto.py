"""What quality costs: scores against seconds of training, every model at every budget, with the Pareto front.

The front is of the models that compete for the best (`harness.analysis.winner`): trained, with a score in every case.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from common.words import budget_text
from harness.analysis import pareto, timing
from harness.analysis.comparison import Comparison, Place
from harness.analysis.remarks import without_gain
from harness.analysis.selection import few
from harness.analysis.winner import mean_of
from harness.figures import axis_style, legend, style
from harness.figures.layout import AS_NEEDED, Layout
from harness.figures.page import averaged, headline, panels
from harness.figures.text import EDGE, text_width, wrapped
from target_signals.tasks.metrics import METRICS, Metric

MOST_BANDS = 3
PANEL, SINGLE, GAP, MARGIN = (2.1, 2.0), (4.2, 2.8), (0.42, 0.54), (0.6, 0.15)  # inches
LEAST_MARKER, MOST_MARKER = 2.6, 7.4  # points, of the smallest budget and the largest
FRONT: style.Looks = {"color": "0.25", "linewidth": 3.2, "alpha": 0.22, "solid_joinstyle": "miter", "zorder": 1.4}


@dataclass(frozen=True)
class Point:
    """A model at a budget: the means of its seconds and scores over draws that are compared there and were timed."""

    model: str
    size: int
    seconds: float
    score: float
    draws: int


def pareto_page(comparison: Comparison, waiting: bool = False, layout: Layout = AS_NEEDED) -> Figure | None:
    """A panel for each of at most three bands, on one scale; None without a point of two different costs.

    waiting: over the seconds from the model's construction on, not those of training alone.
    """
    shown = few(comparison.regions, MOST_BANDS)
    points = {band: own for band in shown if (own := points_at(comparison, band, waiting))}
    found = [point for own in points.values() for point in own]
    if len({point.seconds for point in found}) < 2:
        return None
    metric = METRICS[comparison.metric]
    drawn = [model for model in comparison.models if model in {point.model for point in found}]
    what = "seconds from construction to the end of training" if waiting else "seconds of training"
    subtitle = f"{metric.label()} against {what} on {comparison.machine}{averaged(comparison)}"
    edge = axis_style.upper_edge([point.score for point in found], metric)
    far = {point.model for point in found if point.score > edge}
    compete = {band: competing(comparison, own, band) for band, own in points.items()}
    apart = {point.model for band, own in points.items() for point in own if point not in compete[band]}
    ended = [row for band, own in points.items() for p in own for row in comparison.ended(Place(p.model, p.size, band))]
    notes = _notes(comparison, len(points), drawn, [model for model in drawn if model in apart])
    notes += without_gain(ended) + axis_style.beyond([model for model in drawn if model in far])
    sizes = sorted({point.size for point in found})
    handles = [*legend.of_models(comparison, drawn), legend.entry("Pareto front", **FRONT), *_of_sizes(sizes)]
    sheet = panels(len(points), layout, PANEL, SINGLE, GAP, MARGIN, text_width(axis_style.WIDEST))
    axis = wrapped("seconds, construction included" if waiting else "seconds of training", sheet.panel[0] + 2 * EDGE)
    sheet = sheet.with_texts(*headline(comparison, subtitle), notes, legend.below_axis(axis), handles)
    figure = sheet.figure()
    titles = ["" if band is None else comparison.difficulty.title(band) for band in points]
    every = [sheet.axes(figure, index, title) for index, title in enumerate(titles)]
    for axes, own in zip(every, points.values(), strict=True):
        axes.set_xscale("log")
        axes.margins(0.06)
        for model in drawn:
            _line(axes, comparison, [_up_to(edge, point) for point in own if point.model == model], sizes)
    axis_style.share(every)
    for index, (axes, own) in enumerate(zip(every, compete.values(), strict=True)):
        axis_style.log_x(axes, axis_style.ticks_in(sheet.panel[0]))
        axis_style.few_ticks(axes)
        axis_style.open_grid(axes)
        _front(axes, [_up_to(edge, point) for point in front(own, metric)])
        sheet.name_axes(axes, index, "\n".join(axis), metric.label())
    return figure


def points_at(comparison: Comparison, band: float | None, waiting: bool = False) -> list[Point]:
    """Every model and budget with a score whose seconds are those of the comparison's machine."""
    points = []
    for model in comparison.models:
        for size in comparison.sizes:
            place = Place(model, size, band)
            scores, timed = comparison.scores(place), timing.on_machine(comparison, place)
            taken = {cell: timing.seconds(timed[cell], waiting) for cell in scores if cell in timed}
            both = [cell for cell, seconds in taken.items() if not math.isnan(seconds)]
            if both:
                seconds, score = (mean_of({cell: of[cell] for cell in both}) for of in (taken, scores))
                points.append(Point(model, size, seconds, score, len(both)))
    return points


def competing(comparison: Comparison, points: Sequence[Point], band: float | None) -> list[Point]:
    """The points of those models that are ranked to be the best at their budget, timed in every case compared there."""
    outcomes = {size: comparison.outcome(size, band) for size in {point.size for point in points}}
    return [
        point
        for point in points
        if (first := outcomes[point.size].first)
        and point.model in first.models
        and point.draws == len(outcomes[point.size].compared.cases)
    ]


def front(points: Sequence[Point], metric: Metric) -> list[Point]:
    """The points that no other one beats in both seconds and score, the quickest first."""
    sign = 1 if metric.higher_is_better else -1
    return pareto.front(points, attrgetter("seconds"), lambda point: sign * point.score)


def _up_to(edge: float, point: Point) -> Point:
    return replace(point, score=min(point.score, edge))


def _front(axes: Axes, points: Sequence[Point]) -> None:
    """Each score from its own seconds to those of the next, the last one to the right edge."""
    if not points:
        return
    edge = axes.get_xlim()
    xs, ys = [point.seconds for point in points], [point.score for point in points]
    axes.plot([*xs, edge[1]], [*ys, ys[-1]], drawstyle="steps-post", label="Pareto front", **FRONT)
    axes.set_xlim(edge)


def _line(axes: Axes, comparison: Comparison, points: Sequence[Point], sizes: Sequence[int]) -> None:
    """One model's budgets, joined from the smallest to the largest; the larger the marker, the larger the budget."""
    if not points:
        return
    looks = style.line(*comparison.looks(points[0].model))
    xs, ys = [point.seconds for point in points], [point.score for point in points]
    axes.plot(xs, ys, label=points[0].model, **looks | {"marker": "", "linewidth": 0.8})
    for point in points:
        size = {"markersize": _marker_size(sizes, point.size), "linestyle": ""}
        axes.plot([point.seconds], [point.score], **looks | size)


def _of_sizes(sizes: Sequence[int]) -> list[Line2D]:
    """Legend entries that say which marker stands for which budget."""
    plain: style.Looks = {"linestyle": "", "marker": "o", "markeredgewidth": 0, "color": "0.5"}
    shown = few(sizes, 3) if len(sizes) > 1 else ()
    return [
        legend.entry(f"{budget_text(size)} parameters", **plain, markersize=_marker_size(sizes, size)) for size in shown
    ]


def _marker_size(sizes: Sequence[int], size: int) -> float:
    if len(sizes) == 1:
        return (LEAST_MARKER + MOST_MARKER) / 2
    return LEAST_MARKER + (MOST_MARKER - LEAST_MARKER) * list(sizes).index(size) / (len(sizes) - 1)


def _notes(comparison: Comparison, bands: int, drawn: Sequence[str], apart: Sequence[str]) -> list[str]:
    """bands: how many are shown. apart: models that have points which do not compete."""
    absent = [model for model in comparison.models if model not in drawn]
    elsewhere = timing.only_elsewhere(comparison, absent)
    unknown = [model for model in absent if model not in elsewhere]
    notes = [f"without a score or seconds: {', '.join(unknown)}"] if unknown else []
    notes += [f"timed on other machines alone: {', '.join(elsewhere)}"] if elsewhere else []
    if bands < len(comparison.regions):
        notes.append(f"shown: {bands} of {len(comparison.regions)} bands")
    notes.append("a line joins a model's budgets")
    notes += [f"the front passes over yardsticks and what lacks cases: {', '.join(apart)}"] if apart else []
    return notes + timing.notes(comparison)
