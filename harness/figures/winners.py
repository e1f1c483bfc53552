"""The page that says who wins where: the best model as a colour over bands (or items) × budgets."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from common.words import FEWER, MEANINGS, NO_SCORE, NOTHING, budget_text
from harness.analysis.cell import Draw
from harness.analysis.comparison import Comparison, Place
from harness.analysis.gain import learned_nothing
from harness.analysis.left_out import Where
from harness.analysis.winner import ALONE, TIE, Outcome, Ranking
from harness.analysis.wording import TIED, YARDSTICK, notes
from harness.figures import legend, style
from harness.figures.layout import AS_NEEDED, PAGE, Layout
from harness.figures.page import PANEL_TITLE_ROOM, Sheet, averaged, headline
from harness.figures.text import LETTER, LINE, text_width, thinned
from target_signals.tasks.metrics import METRICS

ITEM = "item"  # the axis of a map over items
CELL = (0.72, 0.56)  # inches
LEAST_CELL = 0.55  # inches of width
LOW_CELL, LEAST_LOW_CELL = 0.24, 0.2  # inches: height of a cell without words, and its least width
GAP, MARGIN, AXIS_ROOM = (0.0, 0.6), (0.62, 0.12), 0.44
EVEN_MARGIN = (0.2, 0.2)  # of a map without names of rows: the axis' name may be wider than a single cell
SMALL = 6.3  # points of the lines under a name
LEAST = 5.0  # points of an item's name below its column; a longer one stands upright
LINE_SPACING, FRAME = 0.125, 0.03  # inches between the lines of a cell, and left free beside them


class Spot(NamedTuple):
    """What one cell of the map is about: a budget, and a band or an item (None: all items)."""

    size: int
    band: float | None
    item: str | None = None


@dataclass(frozen=True)
class Map:
    """Cells in rows and columns with their labels. rows: budgets, or none for a single row. cells: [row][column]."""

    columns: list[str]
    rows: list[str]
    axis: str
    cells: list[list[Spot]]


def winner_page(comparison: Comparison, layout: Layout = AS_NEEDED) -> Figure | None:
    """Who wins where; None where there is nobody to win against. On a page of given width a legend stands for the
    cells' words."""
    if len(comparison.models) < 2 or not any(map(comparison.scores, comparison.places)):
        return None
    narrow = layout.width is not None
    margin = MARGIN if comparison.bands or len({draw.item for draw in comparison.draws}) > 1 else EVEN_MARGIN
    room = PAGE if layout.width is None else layout.width - sum(margin)
    blocks = _blocks(_map(comparison), int(room / (LEAST_LOW_CELL if narrow else LEAST_CELL)))
    metric = METRICS[comparison.metric]
    spots = [spot for block in blocks for row in block.cells for spot in row]
    outcomes = {spot: comparison.outcome(*spot) for spot in spots}
    notes_below = [*_notes(comparison, outcomes), *([f"the best by {metric.label()}"] if narrow else [])]
    subtitle = f"best {metric.label()} of {len(comparison.models)} models{averaged(comparison)}; "
    subtitle += "in brackets: its lead over the runner-up"
    most = max(len(block.columns) for block in blocks)
    width = min(CELL[0], room / most if narrow else max(LEAST_CELL, room / most))
    panel = (width * most, (LOW_CELL if narrow else CELL[1]) * len(blocks[0].cells))
    best = {outcome.first.best for outcome in outcomes.values() if outcome.first}
    square: style.Looks = {"linestyle": "", "marker": "s", "markersize": 6, "markeredgewidth": 0}
    coloured = {model: style.colour(*comparison.looks(model)) for model in comparison.models if model in best}
    handles = [legend.entry(model, **square, color=colour) for model, colour in coloured.items()] if narrow else []
    longest = max((name for block in blocks for name in block.columns), key=len)
    upright = blocks[0].axis == ITEM and width - 2 * FRAME < len(longest) * (style.TEXT if narrow else LEAST) * LETTER
    more = text_width(longest) - LINE if upright else 0.0
    sheet = Sheet(len(blocks), 1, panel, (GAP[0], GAP[1] + more), margin, layout=layout)
    sheet = sheet.with_texts(*headline(comparison, subtitle), notes_below, AXIS_ROOM + more, handles)
    sheet = replace(sheet, head=sheet.head - PANEL_TITLE_ROOM + 0.1)  # its panels have no titles
    figure = sheet.figure()
    for index, block in enumerate(blocks):
        axes = sheet.axes(figure, index)
        axes.set(xlim=(0, most), ylim=(len(block.cells), 0))
        for row, spots_of_row in enumerate(block.cells):
            for column, spot in enumerate(spots_of_row):
                _cell(axes, comparison, (column, row), width, spot, outcomes[spot], narrow)
        _label_axes(axes, block, width, narrow, upright)
    return figure


def _map(comparison: Comparison) -> Map:
    """Bands × budgets where there are bands, items × budgets where there are several, else budgets alone."""
    sizes, budgets = comparison.sizes, [budget_text(size) for size in comparison.sizes]
    items = sorted(comparison.item_names)
    if comparison.bands:
        names = ["whole" if band is None else comparison.difficulty.text(band) for band in comparison.regions]
        cells = [[Spot(size, band) for band in comparison.regions] for size in sizes]
        return Map(names, budgets, comparison.difficulty.axis, cells)
    if len(items) > 1:
        cells = [[Spot(size, None, item) for item in [*items, None]] for size in sizes]
        return Map([*(comparison.item_names[item] for item in items), "all"], budgets, ITEM, cells)
    return Map(budgets, [], "parameter budget", [[Spot(size, None) for size in sizes]])


def _blocks(whole: Map, most: int) -> list[Map]:
    """The map in pieces of `most` columns at most."""
    count = len(whole.columns)
    ends = [part[-1] + 1 for part in np.array_split(np.arange(count), math.ceil(count / most))]
    parts = [slice(start, end) for start, end in itertools.pairwise([0, *ends])]
    return [Map(whole.columns[part], whole.rows, whole.axis, [row[part] for row in whole.cells]) for part in parts]


def _cell(
    axes: Axes,
    comparison: Comparison,
    at: tuple[int, int],
    width: float,
    spot: Spot,
    outcome: Outcome,
    narrow: bool,
) -> None:
    centre = at[0] + 0.5, at[1] + 0.5
    ranking = outcome.first
    if ranking is None:
        axes.add_patch(Rectangle(at, 1, 1, facecolor="white", edgecolor=style.HATCH, hatch="/////", linewidth=0))
        ground: style.Looks = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(*centre, NO_SCORE, ha="center", va="center", fontsize=style.CELL_TEXT, bbox=ground)
        return
    fill = style.colour(*comparison.looks(ranking.best))
    ink = style.ink_on(to_rgb(fill))
    axes.add_patch(Rectangle(at, 1, 1, facecolor=fill, edgecolor="white", linewidth=1.2))
    lines = _signs(comparison, spot, outcome) if narrow else _words(comparison, spot, outcome, ranking)
    pitch = LINE_SPACING / (LOW_CELL if narrow else CELL[1])
    if ranking.verdict == TIE:
        axes.add_patch(Rectangle(at, 1, 1, fill=False, edgecolor=ink, hatch="/////", linewidth=0, alpha=0.4))
    if ranking.verdict == TIE and not narrow:  # words stand on a ground without hatching
        rim, height = FRAME / width, len(lines) * pitch
        axes.add_patch(
            Rectangle((at[0] + rim, centre[1] - height / 2), 1 - 2 * rim, height, facecolor=fill, linewidth=0)
        )
    for index, text in enumerate(lines):
        fitting = min(SMALL if index else style.CELL_TEXT, (width - 2 * FRAME) / (len(text) * LETTER))
        size = style.TEXT if narrow else fitting
        offset = (index - (len(lines) - 1) / 2) * pitch
        axes.text(centre[0], centre[1] + offset, text, fontsize=size, color=ink, ha="center", va="center_baseline")


def _signs(comparison: Comparison, spot: Spot, outcome: Outcome) -> list[str]:
    """Whether a yardstick leads, or is ahead, and whether the best model learned nothing."""
    leads = YARDSTICK if outcome.ahead or not outcome.trained else ""
    signs = leads + NOTHING * _is_of_nothing(comparison, spot, outcome)
    return [signs] if signs else []


def _words(comparison: Comparison, spot: Spot, outcome: Outcome, ranking: Ranking) -> list[str]:
    """The best model, its score and lead, what it is not told apart from, the yardstick that is ahead, and how many
    models compete where most do not."""
    text = METRICS[comparison.metric].text
    lead = "" if ranking.verdict == ALONE else f" ({text(ranking.leads[0].mean, '+')})"
    more = f" +{len(ranking.tied) - 1}" if len(ranking.tied) > 1 else ""
    signs = FEWER * _is_partial(comparison, spot, outcome) + NOTHING * _is_of_nothing(comparison, spot, outcome)
    return [
        ranking.best + ("" if outcome.trained else f" {YARDSTICK}"),
        f"{text(ranking.means[0])}{signs}{lead}",
        *([f"{TIED} {ranking.tied[0]}{more}"] if ranking.tied else []),
        *([f"{YARDSTICK} {outcome.yardstick} ({text(outcome.ahead.mean, '+')})"] if outcome.ahead else []),
        *([f"{len(outcome.compared.models)} of {outcome.compared.every} models"] if outcome.compared.few else []),
    ]


def _is_partial(comparison: Comparison, spot: Spot, outcome: Outcome) -> bool:
    """Whether cases of draws that other places have are not compared here."""
    compared = _draws(outcome)
    return any(draw not in compared for draw in comparison.draws if spot.item in (None, draw.item))


def _is_of_nothing(comparison: Comparison, spot: Spot, outcome: Outcome) -> bool:
    """Whether the best model learned nothing in a case that is compared here."""
    if outcome.first is None:
        return False
    runs, compared = comparison.runs(Place(outcome.first.best, spot.size, spot.band)), _draws(outcome)
    return any(learned_nothing(row) for cell, row in runs.items() if cell.draw in compared)


def _draws(outcome: Outcome) -> set[Draw]:
    return {case.draw for case in outcome.compared.cases}


def _label_axes(axes: Axes, block: Map, width: float, narrow: bool, upright: bool) -> None:
    columns = thinned(block.columns, width * len(block.columns)) if narrow and not upright else block.columns
    axes.set_xticks(np.arange(len(block.columns)) + 0.5, columns, rotation=90 if upright else 0)
    axes.set_yticks(np.arange(len(block.rows)) + 0.5, block.rows)
    fitting = min(style.TEXT, (width - 2 * FRAME) / (max(map(len, block.columns)) * LETTER))
    axes.tick_params(axis="x", labelsize=style.TEXT if narrow or upright else fitting)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(block.axis, fontsize=style.TEXT, labelpad=3)
    if block.rows:  # few rows are lower than the longer words
        axes.set_ylabel("parameter budget" if len(block.rows) > 2 else "budget", fontsize=style.TEXT, labelpad=3)


def _notes(comparison: Comparison, outcomes: dict[Spot, Outcome]) -> Sequence[str]:
    ranked = {spot: outcome for spot, outcome in outcomes.items() if outcome.first}
    places = {Where(spot.size, _rest(comparison, spot)): outcome for spot, outcome in outcomes.items()}
    said = [f"hatched: {line}" if line.startswith(TIED) else line for line in notes(places)]
    if any(_is_partial(comparison, spot, outcome) for spot, outcome in ranked.items()):
        said.append(f"{FEWER} {MEANINGS[FEWER]}")
    if any(_is_of_nothing(comparison, spot, outcome) for spot, outcome in ranked.items()):
        said.append(f"{NOTHING} {MEANINGS[NOTHING]}")
    if len(ranked) < len(outcomes):
        said.append(f"{NO_SCORE} no score, or no model with one in every case")
    return said


def _rest(comparison: Comparison, spot: Spot) -> str:
    """What a place is called beside its budget."""
    if not comparison.bands:
        return comparison.item_names[spot.item] if spot.item else "all" if len(comparison.draws) > 1 else ""
    return "whole" if spot.band is None else comparison.difficulty.text(spot.band)
