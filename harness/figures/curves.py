"""Pages of curves over bands or budgets: a line for each model, with its spread over seeds."""

import math
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from harness.analysis.comparison import Comparison, mean
from harness.figures import axis_style, legend, style
from harness.figures.page import Sheet, View, averaged, columns_for, thinned, with_room, write_texts
from target_signals.tasks.metrics import METRICS

PANEL, SINGLE = (2.1, 1.6), (3.6, 2.3)  # inches
GAP, MARGIN = (0.42, 0.54), (0.6, 0.15)
AXIS_ROOM = 0.66  # inches of tick labels and axis label
CONSTANT_MEAN = "constant mean"


def curve_page(comparison: Comparison, view: View) -> Figure | None:
    """A panel for each of view.panels; None without scores at two xs."""
    drawn = [model for model in comparison.models if any(map(comparison.scores, view.places([model])))]
    if len(view.xs) < 2 or not drawn:
        return None
    metric, notes = METRICS[comparison.metric], _notes(comparison, view, drawn)
    spread = "; shaded: minimum to maximum" if len(comparison.draws) > 1 else ""
    subtitle = f"{metric.label()}{averaged(comparison)}{spread}"
    sheet = _sheet(view)
    handles = legend.of_models(comparison, drawn)
    constant = legend.entry(CONSTANT_MEAN, **style.CONSTANT)
    room = AXIS_ROOM + legend.height([*handles, constant], sheet.width)
    sheet = with_room(sheet, comparison, subtitle, notes, room)
    figure = sheet.figure()
    panels = [sheet.axes(figure, index) for index in range(len(view.panels))]
    for index, (axes, panel) in enumerate(zip(panels, view.panels, strict=True)):
        for model in drawn:
            _line(axes, comparison, view, model, panel)
        _style_axes(axes, view, panel, sheet.lowest(index), sheet.panel[0])
        if sheet.first_column(index):
            axes.set_ylabel(metric.label(), fontsize=style.TEXT, labelpad=3)
    levels = [_levels(comparison, view, panel) for panel in view.panels]
    _set_scales(panels, levels, _shared(view))
    constants = [_constant(axes, view, level, metric.text) for axes, level in zip(panels, levels, strict=True)]
    legend.draw(sheet, figure, [*handles, constant] if any(constants) else handles, notes)
    write_texts(sheet, figure, comparison, subtitle, notes)
    return figure


def _shared(view: View) -> bool:
    """Budgets are compared across panels; bands differ too much for one scale."""
    return view.name == "bands"


def _notes(comparison: Comparison, view: View, drawn: list[str]) -> list[str]:
    absent = [model for model in comparison.models if model not in drawn]
    notes = [f"without a score: {', '.join(absent)}"] if absent else []
    counts = {len(comparison.scores(place)) for place in view.places(drawn)} - {0, len(comparison.draws)}
    notes += ["some points are means of fewer runs, as some failed or are missing"] if counts else []
    return notes + (["panels differ in scale"] if not _shared(view) and len(view.panels) > 1 else [])


def _sheet(view: View) -> Sheet:
    single = len(view.panels) == 1
    columns = columns_for(len(view.panels), PANEL[0], GAP[0])
    return Sheet(len(view.panels), columns, SINGLE if single else PANEL, GAP, MARGIN)


def _line(axes: Axes, comparison: Comparison, view: View, model: str, panel: float) -> None:
    scores = [list(comparison.scores(view.place(model, x, panel)).values()) for x in view.xs]
    looks = style.line(*comparison.looks(model))
    axes.plot(view.xs, [mean(some) for some in scores], label=model, **looks)
    if any(len(some) > 1 for some in scores):
        low, high = ([pick(some, default=math.nan) for some in scores] for pick in (min, max))
        axes.fill_between(view.xs, low, high, color=looks["color"], alpha=0.18, linewidth=0)


def _levels(comparison: Comparison, view: View, panel: float) -> list[float]:
    """The constant mean at each x, NaN where it is not known."""
    return [comparison.constant(view.place("", x, panel).band) for x in view.xs]


def _set_scales(panels: list[Axes], levels: list[list[float]], shared: bool) -> None:
    """Scales that hold the curves, and the constant mean as far as that at most doubles them."""
    limits = []
    for axes, panel_levels in zip(panels, levels, strict=True):
        low, high = axes.get_ylim()
        reach, rim = high - low, 0.05 * (high - low)
        near = [level for level in panel_levels if low - reach <= level <= high + reach]
        limits.append((min([low, *(level - rim for level in near)]), max([high, *(level + rim for level in near)])))
    common = min(low for low, _ in limits), max(high for _, high in limits)
    for axes, own in zip(panels, limits, strict=True):
        axes.set_ylim(common if shared else own)


def _constant(axes: Axes, view: View, levels: list[float], text: Callable[[float], str]) -> bool:
    """A dashed line for the constant mean, said in the title where it lies off the scale. Whether it is known."""
    known = [level for level in levels if math.isfinite(level)]
    if not known:
        return False
    low, high = axes.get_ylim()
    axes.plot(view.xs, levels, label=CONSTANT_MEAN, zorder=1.5, **style.CONSTANT)
    axes.set_ylim(low, high)
    if not any(low <= level <= high for level in known):
        ends = "–".join(dict.fromkeys([text(min(known)), text(max(known))]))
        axes.title.set_text(f"{axes.get_title()} · {CONSTANT_MEAN} {ends} {'↑' if known[0] > high else '↓'}")
    return True


def _style_axes(axes: Axes, view: View, panel: float, lowest: bool, width: float) -> None:
    if view.name == "budgets":
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(view.xs, thinned([view.x_text(x) for x in view.xs], width))
    axes.set_title(view.panel_text(panel), fontsize=style.TEXT, pad=4)
    axis_style.scores(axes)
    axis_style.frame(axes)
    if lowest:
        axes.set_xlabel(view.axis, fontsize=style.TEXT, labelpad=3)
