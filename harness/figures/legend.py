"""The legend of a page: under its panels, above its notes, in as many columns as fit."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.comparison import Comparison
from harness.analysis.reference_rows import display_name
from harness.figures import style
from harness.figures.page import EDGE, LINE, Sheet, notes_height, text_width

AXIS_ROOM = 0.66  # inches of the labels of an axis and of its name in one line
HANDLE, LINE_HEIGHT = 0.6, 0.17  # inches of an entry beside its text, and of its height
ABOVE_NOTES = 0.14  # inches


def entry(label: str, **looks: Any) -> Line2D:
    """A line of a legend that no axes have. looks: properties of matplotlib's lines."""
    return Line2D([], [], label=label, **looks)


def of_models(comparison: Comparison, models: Sequence[str]) -> list[Line2D]:
    """An entry for each model as it looks in all figures, those of the reference marked."""
    names = {model: display_name(model, comparison.of_reference) for model in models}
    return [entry(names[model], **style.line(*comparison.looks(model))) for model in models]


def height(handles: Sequence[Line2D], width: float) -> float:
    """Inches that the entries take on a page of some width."""
    return LINE_HEIGHT * math.ceil(len(handles) / _columns(handles, width))


def below_panels(sheet: Sheet, handles: Sequence[Line2D], axis: Sequence[str] = ("",)) -> float:
    """Inches that the x axis and the entries take. axis: the lines of its name."""
    return AXIS_ROOM + LINE * (len(axis) - 1) + height(handles, sheet.width)


def draw(sheet: Sheet, figure: Figure, handles: Sequence[Line2D], notes: Sequence[str]) -> None:
    """Draw the legend onto a sheet's figure, above the notes."""
    figure.legend(
        handles=list(handles),
        loc="lower left",
        bbox_to_anchor=(EDGE / sheet.width, (ABOVE_NOTES + notes_height(notes, sheet.width)) / sheet.height),
        ncols=_columns(handles, sheet.width),
        fontsize=style.TEXT,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.4,
        borderpad=0,
        borderaxespad=0,
        labelspacing=0.4,
    )


def _columns(handles: Sequence[Line2D], width: float) -> int:
    widest = max(text_width(str(handle.get_label())) for handle in handles)
    return max(1, int((width - EDGE) / (HANDLE + widest)))
