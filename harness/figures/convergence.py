"""How fast: PSNR over updates and over seconds of training, a line for each model with its spread.

A page holds at most three bands × three budgets: the ends and the middle.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.words import budget_text
from harness.analysis import timing
from harness.analysis.comparison import Comparison, Place
from harness.analysis.remarks import without_gain
from harness.analysis.selection import few
from harness.analysis.winner import BASELINE, mean_of
from harness.figures import axis_style, legend, style
from harness.figures.layout import AS_NEEDED, Layout
from harness.figures.page import averaged, headline, panels
from harness.figures.text import LINE, text_width
from harness.store.facts import finite
from harness.store.schema import Row
from target_signals.tasks.metrics import METRICS

Clock = Literal["updates", "seconds"]
MOST = 3  # bands, and budgets
PANEL, SINGLE, GAP, MARGIN = (2.1, 1.6), (3.6, 2.3), (0.42, 0.54), (0.6, 0.15)  # inches
AXES = {"updates": "updates", "seconds": "seconds of training"}
GOAL: style.Looks = {"color": "0.45", "linestyle": ":", "linewidth": 1.0}


@dataclass(frozen=True)
class Trace:
    """A model's curve at one place: the mean PSNR over its runs at each evaluation, and the spread.

    x: updates, or the mean of the seconds. solved: it was not trained by updates, so there is one point.
    """

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    runs: int

    @property
    def solved(self) -> bool:
        return len(self.x) == 1


def convergence_page(comparison: Comparison, clock: Clock, layout: Layout = AS_NEEDED) -> Figure | None:
    """A panel for each band (row) and budget (column), on one scale; None where no run has a curve."""
    every_spot = itertools.product(comparison.regions, comparison.sizes)
    known = {spot: own for spot in every_spot if (own := _traces(comparison, *spot, clock))}
    there = list(dict.fromkeys(band for band, _ in known)), sorted({size for _, size in known})
    bands, sizes = few(there[0], MOST), few(there[1], MOST)
    spots = list(itertools.product(bands, sizes))
    traces = {spot: known.get(spot, {}) for spot in spots}
    drawn = [model for model in comparison.models if any(model in own for own in traces.values())]
    if not drawn:
        return None
    of_model = {model: [own[model] for own in traces.values() if model in own] for model in drawn}
    every_trace = [found for own in of_model.values() for found in own]
    edge = axis_style.upper_edge([score for found in every_trace for score in found.high.tolist()], METRICS["psnr"])
    far = [model for model, own in of_model.items() if any(found.mean.max() > edge for found in own)]
    solved = [model for model, own in of_model.items() if any(found.solved for found in own)]
    handles = legend.of_models(comparison, drawn)
    handles += [legend.entry(f"{BASELINE} at its end", **GOAL)] if BASELINE in drawn else []
    subtitle = f"PSNR (dB) on the training lattice over {AXES[clock]}{averaged(comparison)}"
    ended = [row for (band, size), own in traces.items() for m in own for row in comparison.ended(Place(m, size, band))]
    notes = [axis_style.SHADED] if any(found.runs > 1 for found in every_trace) else []
    notes += _notes(comparison, clock, there, drawn, solved) + without_gain(ended) + axis_style.beyond(far)
    sheet = panels(len(spots), layout, PANEL, SINGLE, GAP, MARGIN, text_width(axis_style.WIDEST))
    if layout.width is None and len(bands) > 1:
        sheet = replace(sheet, columns=len(sizes))
    sheet = sheet.with_texts(*headline(comparison, subtitle), notes, legend.below_axis(), handles)
    titles = [_title(comparison, *spot, len(bands) > 1, layout) for spot in spots]
    lines = len(titles[0].splitlines())
    sheet = replace(sheet, head=sheet.head + LINE * (lines - 1), gap=(sheet.gap[0], sheet.gap[1] + LINE * (lines - 1)))
    figure = sheet.figure()
    every = [sheet.axes(figure, index, title) for index, title in enumerate(titles)]
    for axes, own in zip(every, traces.values(), strict=True):
        if clock == "seconds":
            axes.set_xscale("log")
        for model, found in own.items():
            _line(axes, found, model, edge, style.line(*comparison.looks(model)))
        if BASELINE in own:
            axes.axhline(min(own[BASELINE].mean[-1], edge), zorder=1.5, **GOAL)
    axis_style.share(every)
    for index, axes in enumerate(every):
        _style_axes(axes, clock, sheet.panel[0])
        sheet.name_axes(axes, index, AXES[clock], "PSNR (dB)")
    return figure


def _traces(comparison: Comparison, band: float | None, size: int, clock: Clock) -> dict[str, Trace]:
    """The curves at a place, by model."""
    places = [Place(model, size, band) for model in comparison.models]
    return {place.model: found for place in places if (found := trace(comparison, place, clock)) is not None}


def trace(comparison: Comparison, place: Place, clock: Clock) -> Trace | None:
    """The mean curve of the runs at a place that were evaluated at the same steps; None where none has one."""
    runs = timing.on_machine(comparison, place) if clock == "seconds" else comparison.runs(place)
    scores = comparison.scores(place)
    curves = {cell: curve for cell, row in runs.items() if cell in scores and (curve := _curve(row, clock))}
    if not curves:
        return None
    steps = Counter(tuple(point[0] for point in curve) for curve in curves.values()).most_common(1)[0][0]
    alike = {cell: curve for cell, curve in curves.items() if tuple(point[0] for point in curve) == steps}
    points = np.array([*alike.values()])  # [runs, evaluations, 3]
    x, mean = (
        np.array([mean_of(dict(zip(alike, values, strict=True))) for values in points[:, :, column].T])
        for column in (1, 2)
    )
    return Trace(x, mean, points[:, :, 2].min(axis=0), points[:, :, 2].max(axis=0), len(points))


def _curve(row: Row, clock: Clock) -> list[tuple[float, float, float]]:
    """(step, updates or seconds, PSNR) at each evaluation of one run."""
    stored = row["curve"]
    points = [
        point
        for point in (stored if isinstance(stored, list) else ())
        if finite(point.get("psnr")) is not None and finite(point.get("seconds")) is not None
    ]
    if not points:
        return []
    updates, passes = row["updates"], points[-1]["step"]
    several = passes and finite(updates) is not None  # an epoch of mini-batches is several updates
    pace = updates / passes if several else 1.0
    return [(p["step"], p["seconds"] if clock == "seconds" else p["step"] * pace, p["psnr"]) for p in points]


def _line(axes: Axes, found: Trace, model: str, edge: float, looks: style.Looks) -> None:
    """A model's curve, no higher than the edge. A solved one has an end alone: a single large marker."""
    mean = np.minimum(found.mean, edge)
    if found.solved:
        axes.plot(found.x, mean, label=model, **looks | {"markersize": 7, "zorder": 3})
        return
    every = max(1, len(found.x) // 4)
    axes.plot(found.x, mean, label=model, markevery=every, **looks)
    if found.runs > 1:
        low, high = np.minimum(found.low, edge), np.minimum(found.high, edge)
        axes.fill_between(found.x, low, high, color=looks["color"], alpha=0.15, linewidth=0)


def _style_axes(axes: Axes, clock: Clock, width: float) -> None:
    most = axis_style.ticks_in(width)
    if clock == "seconds":
        axis_style.log_x(axes, most)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(min(4, most)))
    axis_style.few_ticks(axes)
    axis_style.open_grid(axes)


def _title(comparison: Comparison, band: float | None, size: int, several_bands: bool, layout: Layout) -> str:
    """The title in two lines, of which the first may be empty, on a page of given width."""
    budget, between = f"{budget_text(size)} parameters", ", " if layout.width is None else "\n"
    return f"{comparison.difficulty.title(band)}{between}{budget}" if several_bands and band is not None else budget


def _notes(
    comparison: Comparison,
    clock: Clock,
    there: tuple[Sequence[float | None], Sequence[int]],
    drawn: Sequence[str],
    solved: Sequence[str],
) -> list[str]:
    """there: the bands and budgets at which some run has a curve. solved: models without updates."""
    absent = [model for model in comparison.models if model not in drawn]
    absent += [f"{budget_text(size)} parameters" for size in comparison.sizes if size not in there[1]]
    notes = [f"without a curve: {', '.join(absent)}"] if absent else []
    named = zip(there, ("bands", "budgets"), strict=True)
    hidden = [f"{MOST} of {len(values)} {name}" for values, name in named if len(values) > MOST]
    notes += [f"shown: {' and '.join(hidden)}, the ends and the middle"] if hidden else []
    notes += [f"solved without updates, a single point: {', '.join(solved)}"] if solved else []
    return notes + (timing.notes(comparison) if clock == "seconds" else [])
