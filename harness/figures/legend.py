"""The legend of a page: under its panels, above its notes, in as many columns as fit."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.comparison import Comparison
from harness.analysis.reference_rows import display_name
from harness.figures import style
from harness.figures.text import EDGE, LINE, text_width

AXIS_ROOM = 0.66  # inches of the labels of an axis and of its name in one line
HANDLE, BETWEEN, LINE_HEIGHT = 0.44, 0.16, 0.157  # inches of an entry beside its text, between columns, of a line


def entry(label: str, **looks: Any) -> Line2D:
    """A line of a legend that no axes have. looks: properties of matplotlib's lines."""
    return Line2D([], [], label=label, **looks)


def of_models(comparison: Comparison, models: Sequence[str]) -> list[Line2D]:
    """An entry for each model as it looks in all figures, those of the reference marked."""
    names = {model: display_name(model, comparison.of_reference) for model in models}
    return [entry(names[model], **style.line(*comparison.looks(model))) for model in models]


def below_axis(name: Sequence[str] = ("",)) -> float:
    """Inches between panels and legend, for the labels of the x axis and its name in some lines."""
    return AXIS_ROOM + LINE * (len(name) - 1)


def height(handles: Sequence[Line2D], width: float) -> float:
    """Inches that the entries take on a page of some width."""
    return LINE_HEIGHT * math.ceil(len(handles) / _columns(handles, width)) if handles else 0.0


def draw(figure: Figure, handles: Sequence[Line2D], corner: tuple[float, float], width: float) -> None:
    """Draw the legend. corner: its lower left one, in shares of the figure. width: of the page, in inches."""
    figure.legend(
        handles=list(handles),
        loc="lower left",
        bbox_to_anchor=corner,
        ncols=_columns(handles, width),
        fontsize=style.TEXT,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.4,
        borderpad=0,
        borderaxespad=0,
        labelspacing=0.4,
    )


def _columns(handles: Sequence[Line2D], width: float) -> int:
    """The most columns that fit, each as wide as its own widest entry: one long name does not widen the others."""
    widths = [HANDLE + text_width(str(handle.get_label())) for handle in handles]
    counts = range(len(widths), 1, -1)
    room = width - EDGE + BETWEEN
    return next((n for n in counts if sum(map(max, np.array_split(widths, n))) + BETWEEN * n <= room), 1)
