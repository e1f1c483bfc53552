"""Pages of heatmaps, models × bands or models × budgets: scores, and leads over the baseline."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.words import FAILED, FEWER, MARKS, MEANINGS, NO_SCORE, NOTHING
from harness.analysis.cell import Cell
from harness.analysis.comparison import Comparison, Place
from harness.analysis.gain import LOSSLESS, learned_nothing
from harness.analysis.remarks import without_gain
from harness.analysis.winner import BASELINE, mean_of
from harness.figures import axis_style, style
from harness.figures.layout import AS_NEEDED, PAGE, Layout, columns_for, even_columns
from harness.figures.page import Sheet, averaged, headline
from harness.figures.text import EDGE, LINE, text_width, thinned, wrapped
from harness.figures.views import View, unit_notes
from target_signals.tasks.metrics import METRICS

CELL = (0.38, 0.22)  # inches
LEAST_PANEL = 1.2  # inches; room for a panel's title
GAP = (0.2, 0.54)
AXIS_ROOM = 0.5  # inches of tick labels and axis label
NUMBER = 0.31  # inches of a cell with a number, on a page of given width
BAR, BAR_GAP, BAR_ROOM = 0.13, 0.16, 0.75  # inches; the last is for its numbers and label
LEAST_BAR, MOST_BAR = 1.1, 3.0  # inches; a lower page does without, as its cells say their values


def score_page(comparison: Comparison, view: View, layout: Layout = AS_NEEDED) -> Figure:
    """Mean scores, a panel for each of view.panels."""
    metric = METRICS[comparison.metric]
    values = _means(view, comparison.models, comparison.scores)
    known = values[np.isfinite(values)]
    low, most = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    held = axis_style.within(known.tolist(), metric)
    # lossless cells must not flatten the others, nor those that come near: the end of the map stands for "or beyond"
    high = max(float(np.percentile(held, 95)), low) if len(held) < known.size else most
    norm = Normalize(low, high) if high > low else Normalize(low - 0.5, low + 0.5)
    page = Page(
        comparison=comparison,
        view=view,
        layout=layout,
        models=comparison.models,
        samples=comparison.scores,
        colours=style.colours(metric, style.SCORES),
        norm=norm,
        label=metric.label(),
        text=metric.text,
        extend="max" if most > high else "neither",
    )
    return page.draw(values, metric.label() + averaged(comparison))


def lead_page(comparison: Comparison, view: View, layout: Layout = AS_NEEDED) -> Figure | None:
    """Scores minus the baseline's; None where no model shares a cell with it."""
    metric = METRICS[comparison.metric]
    others = tuple(model for model in comparison.models if model != BASELINE)
    values = _means(view, others, comparison.leads)
    known, label = np.abs(values[np.isfinite(values)]), metric.label(f" − {BASELINE}'s")
    if not known.size:
        return None
    # neither a lossless score nor one collapsed model must bleach all other cells: the ends of the map stand for "or
    # beyond"
    own = _means(view, others, comparison.scores)
    held = np.abs(values[np.maximum(own, own - values) <= LOSSLESS])
    limit = float(np.percentile(held if held.size else known, 95)) or float(known.max()) or 1.0
    sign = "positive" if metric.higher_is_better else "negative"
    page = Page(
        comparison=comparison,
        view=view,
        layout=layout,
        models=others,
        samples=comparison.leads,
        colours=style.colours(metric, style.DIFFERENCES),
        norm=Normalize(-limit, limit),
        label=label,
        text=lambda value: metric.text(value, "+"),
        extend="both" if known.max() > limit * 1.001 else "neither",
    )
    return page.draw(values, f"{label}{averaged(comparison)}; {sign}: better than {BASELINE}")


@dataclass(frozen=True)
class Page:
    """Panels of models × view.xs under one colour scale; a cell is the mean over its samples."""

    comparison: Comparison
    view: View
    layout: Layout
    models: tuple[str, ...]
    samples: Callable[[Place], dict[Cell, float]]
    colours: str
    norm: Normalize
    label: str
    text: Callable[[float], str]
    extend: str = "neither"

    def draw(self, values: np.ndarray, subtitle: str) -> Figure:
        """values: [panels, models, xs], NaN where there is none."""
        notes = self.notes(values)
        sheet = self.sheet(subtitle, notes)
        figure = sheet.figure()
        for index, panel in enumerate(self.view.panels):
            axes = sheet.axes(figure, index, self.view.panel_text(panel))
            mesh = self.mesh(axes, values[index])
            if self.numbered:
                self.annotate(axes, mesh, panel, values[index])
            self.label_axes(axes, sheet, index)
        if np.isfinite(values).any() and (not self.numbered or (not self.narrow and sheet.grid[1] >= LEAST_BAR)):
            self.colour_bar(sheet, figure, mesh)
        return figure

    @property
    def narrow(self) -> bool:
        """Whether a width was asked for. Then there is a colour bar or there are numbers, never both."""
        return self.layout.width is not None

    @property
    def room(self) -> float:
        """Inches between the models' names and the right edge of a page of given width."""
        return (self.layout.width or PAGE) - self.name_room - EDGE

    @property
    def name_room(self) -> float:
        return max(map(text_width, self.models)) + 0.15

    @property
    def numbered(self) -> bool:
        """Whether cells are wide enough for their numbers."""
        return not self.narrow or NUMBER * len(self.view.xs) <= self.room

    def sheet(self, subtitle: str, notes: Sequence[str]) -> Sheet:
        panel = (max(CELL[0] * len(self.view.xs), LEAST_PANEL), CELL[1] * len(self.models))
        count, right = len(self.view.panels), BAR_GAP + BAR + BAR_ROOM
        columns = columns_for(count, panel[0], GAP[0])
        if self.narrow:
            right, room = (EDGE, self.room) if self.numbered else (right, self.room + EDGE - right)
            least = max(NUMBER * len(self.view.xs), LEAST_PANEL)
            columns = even_columns(count, int((room + GAP[0]) / (least + GAP[0])))
            panel = ((room - (columns - 1) * GAP[0]) / columns, panel[1])
        sheet = Sheet(count, columns, panel, GAP, (self.name_room, right), layout=self.layout)
        below = AXIS_ROOM + LINE * (len(self.axis_lines(sheet)) - 1)
        return sheet.with_texts(*headline(self.comparison, subtitle), notes, below)

    def axis_lines(self, sheet: Sheet) -> list[str]:
        """The name of the x axis in lines no wider than a panel, beside which another one has its own."""
        return wrapped(self.view.axis, sheet.panel[0] + 2 * EDGE)

    def mesh(self, axes: Axes, values: np.ndarray) -> QuadMesh:
        """Coloured cells over a hatched ground, which shows where there is no value."""
        rows, columns = values.shape
        axes.patch.set(facecolor="white", hatch="/////", edgecolor=style.HATCH, linewidth=0)
        edges = np.arange(columns + 1), np.arange(rows + 1)
        looks: style.Looks = {"cmap": self.colours, "norm": self.norm, "edgecolors": "white", "linewidth": 0.6}
        mesh = axes.pcolormesh(*edges, np.ma.masked_invalid(values), **looks)
        axes.set(xlim=(0, columns), ylim=(rows, 0))
        axes.spines[:].set_visible(False)
        return mesh

    def annotate(self, axes: Axes, mesh: QuadMesh, panel: float | None, values: np.ndarray) -> None:
        looks: style.Looks = {
            "fontsize": style.TEXT if self.narrow else style.CELL_TEXT,
            "ha": "center",
            "va": "center_baseline",
        }
        for row, model in enumerate(self.models):
            for column, x in enumerate(self.view.xs):
                place, value = self.view.place(model, x, panel), float(values[row, column])
                at = (column + 0.5, row + 0.5)
                if math.isfinite(value):
                    ink = style.ink_on(mesh.cmap(self.norm(value)))
                    axes.text(*at, self.text(value) + self.signs(place), color=ink, **looks)
                else:
                    ground: style.Looks = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
                    axes.text(*at, self.mark(place), color=style.FAINT, bbox=ground, **looks)

    def signs(self, place: Place) -> str:
        """What stands behind a score."""
        fewer = len(self.samples(place)) < len(self.comparison.draws)
        return FEWER * fewer + NOTHING * any(map(learned_nothing, self.comparison.ended(place)))

    def mark(self, place: Place) -> str:
        """What a cell without a value says."""
        failure = None if self.comparison.scores(place) else self.comparison.failure(place)
        return NO_SCORE if failure is None else MARKS.get(failure, FAILED)

    def label_axes(self, axes: Axes, sheet: Sheet, index: int) -> None:
        names = self.models if sheet.first_column(index) else [""] * len(self.models)
        labels = thinned([self.view.x_text(x) for x in self.view.xs], sheet.panel[0])
        axes.set_xticks(np.arange(len(self.view.xs)) + 0.5, labels)
        axes.set_yticks(np.arange(len(self.models)) + 0.5, names)
        axes.tick_params(length=0)
        if sheet.lowest(index):
            axes.set_xlabel("\n".join(self.axis_lines(sheet)), fontsize=style.TEXT, labelpad=3)

    def colour_bar(self, sheet: Sheet, figure: Figure, mesh: QuadMesh) -> None:
        height = min(sheet.grid[1], MOST_BAR)
        box = sheet.box(figure, sheet.margin[0] + sheet.grid[0] + BAR_GAP, sheet.head, BAR, height)
        bar = figure.colorbar(mesh, cax=box, extend=self.extend, extendfrac=0.04)
        bar.set_label(self.label, fontsize=style.TEXT)
        bar.ax.tick_params(labelsize=style.TEXT, length=2, pad=2)
        bar.ax.yaxis.set_major_locator(MaxNLocator(6))
        bar.ax.spines["outline"].set_visible(False)

    def notes(self, values: np.ndarray) -> list[str]:
        """The legend of those signs that occur on the page, or without numbers what these would have said."""
        places = self.view.places(self.models)
        signs = unit_notes(self.comparison, self.view, self.layout)
        if not self.numbered:
            hatched = [] if np.isfinite(values).all() else [f"hatched: {MEANINGS[NO_SCORE]}"]
            return hatched + without_gain(row for place in places for row in self.comparison.ended(place)) + signs
        cells = zip(places, np.isfinite(values).ravel(), strict=True)
        marks = {mark for place, known in cells for mark in (self.signs(place) if known else [self.mark(place)])}
        signs = [f"{mark} {meaning}" for mark, meaning in MEANINGS.items() if mark in marks] + signs
        return signs + ([self.label] if self.narrow else [])


def _means(view: View, models: tuple[str, ...], samples: Callable[[Place], dict[Cell, float]]) -> np.ndarray:
    """[panels, models, xs], NaN for a cell without samples."""
    means = [mean_of(samples(place)) for place in view.places(models)]
    return np.array(means).reshape(len(view.panels), len(models), len(view.xs))
