"""The look of figures and page: one colour, marker and dash for each model, colour maps, and numbers as text.

A model has one colour on a light ground and one of about that hue on a dark ground. Each has a contrast of at least 3
with its ground, and stays apart from the others under simulated protanopia, deuteranopia and tritanopia, the first nine
best of all; dashes and markers tell models apart as well. viridis is for scores, a red-blue map for differences, magma
for absolute errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from target_signals.tasks.metrics import Metric

Looks = dict[str, Any]  # keyword arguments of an artist

TITLE, TEXT, CELL_TEXT = 10.0, 8.0, 7.5  # points
INK, FAINT, HATCH = "0.15", "0.4", "0.85"
SCORES, DIFFERENCES, ERRORS = "viridis", "RdBu", "magma"
COLOURS = (  # of trained models, on a light and on a dark ground
    ("#0253B4", "#73AEFF"),
    ("#BF7A0A", "#F28300"),
    ("#038B4E", "#2BE0A8"),
    ("#E5148B", "#EF07BB"),
    ("#794E03", "#FADE7F"),
    ("#2084FF", "#C0DCF4"),
    ("#153536", "#027D68"),
    ("#3200A6", "#9843F3"),
    ("#5D1206", "#D22E24"),
    ("#2D4BFF", "#4B87D2"),
    ("#870069", "#C387A5"),
    ("#A55AC3", "#9678FF"),
    ("#A55A00", "#F0B400"),
    ("#4B0F5A", "#965A96"),
    ("#A50F96", "#FF78F0"),
    ("#1E4B2D", "#96FFC3"),
    ("#5A00E1", "#E1B4FF"),
    ("#870F00", "#C3784B"),
    ("#1EA04B", "#78B478"),
    ("#8484E0", "#B496D2"),
)
LINE_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
PER_DASH = 6  # models in a row that share a dash
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "8")
GREYS = (  # of classical models
    ("#000000", "#FFFFFF"),
    ("#6C6C6C", "#B4B4B4"),
    ("#8A8A8A", "#7C7C7C"),
    ("#3F3F3F", "#DCDCDC"),
)
CLASSICAL_MARKERS = ("*", "h", "d", "8", "p")  # more than greys, so that a fifth model is none of the first four
FONTS = {"sans": "DejaVu Sans", "serif": "STIXGeneral"}  # by theme; matplotlib ships both
RC: Any = {"pdf.fonttype": 42, "font.family": ["DejaVu Sans"]}


@dataclass(frozen=True)
class Look:
    """What tells a model apart. colour: on a light ground; dark: on a dark one. marker, dash: matplotlib's."""

    colour: str
    dark: str
    marker: str
    dash: Any


def look(index: int, classical: bool = False) -> Look:
    """index: the model's place among those of its sort, trained or classical."""
    colours, markers = (GREYS, CLASSICAL_MARKERS) if classical else (COLOURS, MARKERS)
    dash = -1 - index % len(LINE_STYLES) if classical else index // PER_DASH % len(LINE_STYLES)
    return Look(*colours[index % len(colours)], markers[index % len(markers)], LINE_STYLES[dash])


def line(index: int, classical: bool = False) -> Looks:
    """Line properties of a figure on white, of the model with that `look`."""
    own = look(index, classical)
    looks: Looks = {"color": own.colour, "marker": own.marker, "linestyle": own.dash, "linewidth": 1.2}
    if classical:
        return looks | {"markersize": 4.6, "markeredgewidth": 0.9, "markerfacecolor": "white"}
    return looks | {"markersize": 3.4, "markeredgewidth": 0}


def colour(index: int, classical: bool = False) -> str:
    """The colour on a light ground of the model with that `look`."""
    return look(index, classical).colour


CONSTANT: Looks = {"color": "0.45", "linestyle": "--", "linewidth": 1.0}


def colours(metric: Metric, name: str) -> str:
    """A colour map for a metric, turned round where less is better."""
    return name if metric.higher_is_better else f"{name}_r"


def ink_on(rgb: Sequence[float]) -> str:
    """Black or white, whichever has the greater contrast on a colour (relative luminance of WCAG 2).

    rgb: each in [0, 1]; what follows, such as opacity, does not matter.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"
