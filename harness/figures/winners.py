"""The page that says who wins where: the best model as a colour over bands (or items) × budgets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from common.words import NO_SCORE, budget_text
from harness.analysis.comparison import WHOLE, Comparison
from harness.analysis.winner import Outcome, contest, left_out
from harness.figures import style
from harness.figures.page import LETTER, PAGE, PANEL_TITLE_ROOM, Sheet, averaged, with_room, write_texts
from target_signals.tasks.metrics import METRICS

CELL = (0.72, 0.5)  # inches
LEAST_CELL = 0.55  # inches of width
GAP, MARGIN, AXIS_ROOM = (0.0, 0.6), (0.62, 0.12), 0.44
SMALL = 6.3  # points of the lines under a name
LINE_SPACING, FRAME = 0.125, 0.03  # inches between the lines of a cell, and left free beside them


@dataclass(frozen=True)
class Spot:
    """What one cell of the map is about: a budget, and a band or an item (None: all items)."""

    size: int
    band: float
    item: str | None = None


@dataclass(frozen=True)
class Map:
    """Cells in rows and columns with their labels. rows: budgets, or none for a single row. cells: [row][column]."""

    columns: list[str]
    rows: list[str]
    axis: str
    cells: list[list[Spot]]


def winner_page(comparison: Comparison) -> Figure | None:
    """None where there is nobody to win against."""
    if len(comparison.models) < 2 or not any(map(comparison.scores, comparison.cells)):
        return None
    blocks = _blocks(_map(comparison))
    metric = METRICS[comparison.metric]
    spots = [spot for block in blocks for row in block.cells for spot in row]
    outcomes = {spot: contest(comparison, spot.size, spot.band, spot.item) for spot in spots}
    notes = _notes(comparison, outcomes)
    subtitle = f"best {metric.label()}{averaged(comparison)}; in brackets: its lead over the runner-up"
    most = max(len(block.columns) for block in blocks)
    width = min(CELL[0], max(LEAST_CELL, PAGE / most))
    panel = (width * most, CELL[1] * len(blocks[0].cells))
    margin = MARGIN if blocks[0].rows else (MARGIN[1], MARGIN[1])
    sheet = with_room(Sheet(len(blocks), 1, panel, GAP, margin), comparison, subtitle, notes, AXIS_ROOM)
    sheet = replace(sheet, head=sheet.head - PANEL_TITLE_ROOM + 0.1)  # its panels have no titles
    figure = sheet.figure()
    for index, block in enumerate(blocks):
        axes = sheet.axes(figure, index)
        axes.set(xlim=(0, most), ylim=(len(block.cells), 0))
        for row, spots_of_row in enumerate(block.cells):
            for column, spot in enumerate(spots_of_row):
                _cell(axes, comparison, (column, row), width, outcomes[spot])
        _dress(axes, block, width)
    write_texts(sheet, figure, comparison, subtitle, notes)
    return figure


def _map(comparison: Comparison) -> Map:
    """Bands × budgets where there are bands, items × budgets where there are several, else budgets alone."""
    sizes, budgets = comparison.sizes, [budget_text(size) for size in comparison.sizes]
    items = sorted({draw.item for draw in comparison.draws})
    if comparison.bands:
        names = [f"{band:g}" if band != WHOLE else "whole" for band in comparison.regions]
        cells = [[Spot(size, band) for band in comparison.regions] for size in sizes]
        return Map(names, budgets, "band", cells)
    if len(items) > 1:
        cells = [[Spot(size, WHOLE, item) for item in [*items, None]] for size in sizes]
        return Map([*items, "all"], budgets, "item", cells)
    return Map(budgets, [], "parameter budget", [[Spot(size, WHOLE) for size in sizes]])


def _blocks(whole: Map) -> list[Map]:
    """The map in pieces of as many columns as a page is wide."""
    most = int(PAGE / LEAST_CELL)
    pieces = math.ceil(len(whole.columns) / most)
    columns = np.array_split(np.arange(len(whole.columns)), pieces)
    return [
        Map([whole.columns[i] for i in some], whole.rows, whole.axis, cells)
        for some in columns
        for cells in [[[row[i] for i in some] for row in whole.cells]]
    ]


def _cell(axes: Axes, comparison: Comparison, at: tuple[int, int], width: float, outcome: Outcome | None) -> None:
    centre = at[0] + 0.5, at[1] + 0.5
    if outcome is None:
        axes.add_patch(Rectangle(at, 1, 1, facecolor="white", edgecolor=style.HATCH, hatch="/////", linewidth=0))
        ground: style.Looks = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(*centre, NO_SCORE, ha="center", va="center", fontsize=style.CELL_TEXT, bbox=ground)
        return
    fill = style.colour(*comparison.looks(outcome.winner))
    ink = style.ink_on((*to_rgb(fill), 1.0))
    axes.add_patch(Rectangle(at, 1, 1, facecolor=fill, edgecolor="white", linewidth=1.2))
    lines = _words(comparison, outcome)
    pitch = LINE_SPACING / CELL[1]
    if outcome.tied:
        axes.add_patch(Rectangle(at, 1, 1, fill=False, edgecolor=ink, hatch="/////", linewidth=0, alpha=0.4))
        rim, height = FRAME / width, len(lines) * pitch
        axes.add_patch(
            Rectangle((at[0] + rim, centre[1] - height / 2), 1 - 2 * rim, height, facecolor=fill, linewidth=0)
        )
    for index, text in enumerate(lines):
        size = min(SMALL if index else style.CELL_TEXT, (width - 2 * FRAME) / (len(text) * LETTER))
        offset = (index - (len(lines) - 1) / 2) * pitch
        axes.text(centre[0], centre[1] + offset, text, fontsize=size, color=ink, ha="center", va="center_baseline")


def _words(comparison: Comparison, outcome: Outcome) -> list[str]:
    text = METRICS[comparison.metric].text
    score = text(outcome.score) + ("*" if outcome.partial else "")
    lead = f" ({text(outcome.lead, '+')})" if outcome.runner_up else ""
    return [outcome.winner, score + lead, *([f"≈ {outcome.runner_up}"] if outcome.tied else [])]


def _dress(axes: Axes, block: Map, width: float) -> None:
    longest = max(map(len, block.columns))
    axes.set_xticks(np.arange(len(block.columns)) + 0.5, block.columns)
    axes.set_yticks(np.arange(len(block.rows)) + 0.5, block.rows)
    axes.tick_params(axis="x", labelsize=min(style.TEXT, (width - 2 * FRAME) / (longest * LETTER)))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(block.axis, fontsize=style.TEXT, labelpad=3)
    if block.rows:  # few rows are lower than the longer words
        axes.set_ylabel("parameter budget" if len(block.rows) > 2 else "budget", fontsize=style.TEXT, labelpad=3)


def _notes(comparison: Comparison, outcomes: dict[Spot, Outcome | None]) -> Sequence[str]:
    found = [outcome for outcome in outcomes.values() if outcome is not None]
    notes = []
    if any(outcome.tied for outcome in found):
        notes.append("hatched: a tie (≈), the lead is within its standard deviation over the draws or rounds to 0")
    if len(comparison.draws) == 1:
        notes.append("one draw: no spread that could tell ties")
    if any(outcome.partial for outcome in found):
        notes.append("* mean of fewer runs, as some failed or are missing")
    out = [model for spot in outcomes for model in left_out(comparison, spot.size, spot.band, spot.item)]
    if out:
        notes.append(f"does not compete where runs are missing: {', '.join(dict.fromkeys(out))}")
    if None in outcomes.values():
        notes.append(f"{NO_SCORE} no score")
    return notes
