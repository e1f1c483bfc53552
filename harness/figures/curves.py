"""Pages of curves over bands or budgets: a line for each model, with its spread over seeds. Panels share one scale."""

import itertools
import math
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from harness.analysis.comparison import Comparison
from harness.analysis.winner import mean_of
from harness.figures import axis_style, legend, style
from harness.figures.layout import AS_NEEDED, Layout
from harness.figures.page import averaged, headline, panels
from harness.figures.text import EDGE, text_width, thinned, wrapped
from harness.figures.views import View, unit_notes
from target_signals.tasks.metrics import METRICS

PANEL, SINGLE = (2.1, 1.6), (3.6, 2.3)  # inches
GAP, MARGIN = (0.42, 0.54), (0.6, 0.15)
COINCIDE = 0.01  # of the scale: points that are nearer lie on one another
RING = 3.0  # points by which a ring round a marker is larger than what it holds
MOST_RINGS = 3  # round one another: more of them would cover a panel of many models
CONSTANT_MEAN, OVERLAID = "constant mean", "_overlaid"
Limits = tuple[float, float]


def curve_page(comparison: Comparison, view: View, layout: Layout = AS_NEEDED) -> Figure | None:
    """A panel for each of view.panels; None without scores at two xs."""
    drawn = [model for model in comparison.models if any(map(comparison.scores, view.places([model])))]
    if len(view.xs) < 2 or not drawn:
        return None
    metric = METRICS[comparison.metric]
    levels = {panel: [comparison.constant(view.place("", x, panel)) for x in view.xs] for panel in view.panels}
    known = [level for level in itertools.chain(*levels.values()) if math.isfinite(level)]
    limits = _limits(comparison, view, drawn, known)
    whole = {panel: {model: _means(comparison, view, model, panel) for model in drawn} for panel in view.panels}
    low, edge = limits
    far = [model for model in drawn if any(score > edge for own in whole.values() for score in own[model])]
    means = {
        panel: {model: [min(score, edge) for score in scores] for model, scores in own.items()}
        for panel, own in whole.items()
    }
    limits = (low, edge + axis_style.RIM * (edge - low)) if far else limits  # with room for the markers at the edge
    overlaid = {panel: list(_coincidences(means[panel], limits)) for panel in view.panels}
    notes = [axis_style.SHADED] if len(comparison.draws) > 1 else []
    notes += _notes(comparison, view, drawn) + unit_notes(comparison, view, layout)
    if known and not any(limits[0] <= level <= limits[1] for level in known):
        ends = "–".join(dict.fromkeys([metric.text(min(known)), metric.text(max(known))]))
        notes.append(f"{CONSTANT_MEAN}: {ends}, {'above' if known[0] > limits[1] else 'below'} the scale")
    notes += axis_style.beyond(far)
    if any(overlaid.values()):
        notes.append(f"rings and dashes: the model of that colour lies beneath, at most {MOST_RINGS} at a point")
    subtitle = f"{metric.label()}{averaged(comparison)}"
    handles = legend.of_models(comparison, drawn)
    handles += [legend.entry(CONSTANT_MEAN, **style.CONSTANT)] if known else []
    label = max(text_width(view.x_text(x)) for x in view.xs)
    sheet = panels(len(view.panels), layout, PANEL, SINGLE, GAP, MARGIN, label)
    axis = wrapped(view.axis, sheet.panel[0] + 2 * EDGE)
    sheet = sheet.with_texts(*headline(comparison, subtitle), notes, legend.below_axis(axis), handles)
    figure = sheet.figure()
    for index, panel in enumerate(view.panels):
        axes = sheet.axes(figure, index, view.panel_text(panel))
        for model in drawn:
            _line(axes, comparison, view, model, panel, means[panel][model])
        for beneath, points, order in overlaid[panel]:
            _overlay(axes, comparison, view, beneath, means[panel][beneath], points, order)
        _style_axes(axes, view, sheet.panel[0], limits)
        if known:
            axes.plot(view.xs, levels[panel], label=CONSTANT_MEAN, zorder=1.5, **style.CONSTANT)
        sheet.name_axes(axes, index, "\n".join(axis), metric.label())
    axis_style.share(figure.axes)
    return figure


def _notes(comparison: Comparison, view: View, drawn: list[str]) -> list[str]:
    absent = [model for model in comparison.models if model not in drawn]
    notes = [f"without a score: {', '.join(absent)}"] if absent else []
    counts = {len(comparison.scores(place)) for place in view.places(drawn)} - {0, len(comparison.draws)}
    return notes + (["some points are means of fewer runs, as some failed or are missing"] if counts else [])


def _means(comparison: Comparison, view: View, model: str, panel: float | None) -> list[float]:
    """The mean score at each x, NaN where there is none."""
    return [mean_of(comparison.scores(view.place(model, x, panel))) for x in view.xs]


def _limits(comparison: Comparison, view: View, drawn: Sequence[str], constants: Sequence[float]) -> Limits:
    """A scale that holds all scores but lossless ones, and the constant mean as far as that at most doubles it."""
    scores = [score for place in view.places(drawn) for score in comparison.scores(place).values()]
    held = axis_style.within(scores, METRICS[comparison.metric])
    low, high = min(held), max(held)
    reach = high - low or 1.0
    near = [level for level in constants if low - reach <= level <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    return low - axis_style.RIM * reach, high + axis_style.RIM * reach


def _coincidences(means: dict[str, list[float]], limits: Limits) -> Iterator[tuple[str, list[int], int]]:
    """Models that others, drawn later, lie upon: the model, its points that at most MOST_RINGS cover, and by how
    many."""
    near = COINCIDE * (limits[1] - limits[0])
    for index, beneath in enumerate(means):
        above = list(means)[index + 1 :]
        covering = [sum(abs(means[one][i] - value) < near for one in above) for i, value in enumerate(means[beneath])]
        points = [i for i, count in enumerate(covering) if 0 < count <= MOST_RINGS]
        if points:
            yield beneath, points, max(covering[i] for i in points)


def _line(
    axes: Axes, comparison: Comparison, view: View, model: str, panel: float | None, means: Sequence[float]
) -> None:
    scores = [list(comparison.scores(view.place(model, x, panel)).values()) for x in view.xs]
    looks = style.line(*comparison.looks(model))
    axes.plot(view.xs, means, label=model, **looks)
    if any(len(some) > 1 for some in scores):
        low, high = ([pick(some, default=math.nan) for some in scores] for pick in (min, max))
        axes.fill_between(view.xs, low, high, color=looks["color"], alpha=0.18, linewidth=0)


def _overlay(
    axes: Axes, comparison: Comparison, view: View, model: str, means: Sequence[float], points: list[int], order: int
) -> None:
    """Show a model that lies beneath others: a ring round each covered marker, dashes upon covered stretches."""
    colour = style.colour(*comparison.looks(model))
    size = style.line(*comparison.looks(model))["markersize"] + RING * order
    ring: style.Looks = {"marker": "o", "markersize": size, "markerfacecolor": "none", "markeredgewidth": 0.9}
    xs, ys = [view.xs[i] for i in points], [means[i] for i in points]
    axes.plot(xs, ys, color=colour, label=OVERLAID, linestyle="", zorder=3, clip_on=False, **ring)
    for i in points:
        if i + 1 in points:
            dashes = (2.5 * order, (2.5, 5.0))
            stretch = view.xs[i : i + 2], means[i : i + 2]
            axes.plot(*stretch, color=colour, label=OVERLAID, linestyle=dashes, linewidth=1.3, zorder=2.5)


def _style_axes(axes: Axes, view: View, width: float, limits: Limits) -> None:
    if view.name == "budgets":
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(view.xs, thinned([view.x_text(x) for x in view.xs], width))
    axes.set_ylim(limits)
    axis_style.few_ticks(axes)
    axis_style.open_grid(axes)
