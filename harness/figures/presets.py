"""Two presets side by side: for each model a line from its score under one to that under the other."""

import math
from collections.abc import Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.words import budget_text
from harness.analysis.comparison import Comparison
from harness.analysis.versus import Change, Versus
from harness.figures import axis_style, legend, style
from harness.figures.layout import AS_NEEDED, INSET, Layout
from harness.figures.page import Sheet, headline
from harness.figures.text import text_width

PANEL, AXIS_ROOM = 2.3, 0.62  # inches; a panel's height by its models, the room on its left by their names
ROW = 0.19  # inches of a model
INTERVAL = "95 % interval of the change"


def presets_page(found: Versus, comparison: Comparison, layout: Layout = AS_NEEDED) -> Figure:
    """A panel for each budget, the models in their order under the second preset. comparison: its rows."""
    sizes = list(found.outcomes)
    models = max(sum(change.size == size for change in found.changes) for size in sizes)
    names = max(text_width(change.model) for change in found.changes) + 0.15
    high, margin = ROW * (models + 1), (names, 0.15)
    columns, (wide, _), gap = layout.fit(len(sizes), (PANEL, high), (names + 0.1, 0.6), margin, names + INSET)
    sheet = Sheet(len(sizes), columns, (wide, high), gap, margin, layout=layout)
    shared = comparison.where(lambda cell: cell.draw in found.draws)
    both = replace(shared, experiment=replace(shared.experiment, kind=found.both))
    subtitle = f"{found.metric.label()}, means over the draws that have a score under both presets"
    mark = {"linestyle": "", "marker": "o", "color": "0.3", "markersize": 5.0}
    handles = [
        legend.entry(found.against, **mark, markerfacecolor="white"),
        legend.entry(found.kind.preset, **mark),
    ]
    if any(math.isfinite(change.ahead.low) for change in found.changes):
        handles.append(
            legend.entry(INTERVAL, **mark | {"linestyle": "-", "linewidth": 0.8, "marker": "|", "markersize": 7.0})
        )
    notes = ["models in their order under the second preset, the best on top"]
    notes += [f"{preset}: {line}" for preset, said in found.remarks.items() for line in said]
    sheet = sheet.with_texts(*headline(both, subtitle), notes, AXIS_ROOM, handles)
    figure = sheet.figure()
    for index, size in enumerate(sizes):
        axes = sheet.axes(figure, index, f"{budget_text(size)} parameters")
        _panel(axes, [change for change in found.changes if change.size == size], found, comparison)
        axes.set_xlabel(found.metric.label(), fontsize=style.TEXT, labelpad=3)
    axis_style.share(figure.axes, y=False)
    return figure


def _panel(axes: Axes, changes: Sequence[Change], found: Versus, comparison: Comparison) -> None:
    sign = 1 if found.metric.higher_is_better else -1
    ordered = sorted(changes, key=lambda change: sign * change.after)  # the best on top
    for y, change in enumerate(ordered):
        colour = style.colour(*comparison.looks(change.model))
        axes.plot([change.before, change.after], [y, y], color=colour, linewidth=1.4)
        mark: style.Looks = {"color": colour, "marker": "o", "markersize": 5.0, "linestyle": ""}
        axes.plot([change.before], [y], **mark, markerfacecolor="white")
        axes.plot([change.after], [y], **mark)
        ends = [change.before + sign * end for end in (change.ahead.low, change.ahead.high)]  # nothing where not known
        axes.plot(ends, [y, y], color=colour, linewidth=0.8, marker="|", markersize=7.0)
    axes.set_yticks(range(len(ordered)), [change.model for change in ordered])
    axes.set_ylim(-0.7, len(ordered) - 0.3)
    axes.margins(x=0.08)
    axes.tick_params(labelsize=style.TEXT)
    axis_style.open_grid(axes)
