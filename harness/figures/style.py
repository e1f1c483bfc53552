"""The look of the figures: colours, line styles, and numbers as text.

Colours are safe for colour-blind readers: Okabe & Ito's qualitative set for lines (without its
yellow, which fades on white, and its black, which the classical models have) and three dark hues that
stay apart from it under simulated protanopia, deuteranopia and tritanopia. The second nine, most of them from Tol's
muted set, are for further models, which dashes and markers tell apart as well. viridis for scores, a
red-blue map for differences, magma for absolute errors.
"""

from typing import Any

from target_signals.tasks.metrics import Metric

Looks = dict[str, Any]  # keyword arguments of an artist

TITLE, TEXT, CELL_TEXT = 10.0, 8.0, 7.5  # points
INK, FAINT, HATCH = "0.15", "0.4", "0.85"
SCORES, DIFFERENCES, ERRORS = "viridis", "RdBu", "magma"
LINE_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#004D40", "#332288", "#A50F15"),
    *("#AA4499", "#999933", "#44AA99", "#661100", "#6699CC", "#882255", "#117733", "#B8860B", "#8B5FBF"),
)
LINE_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
PER_DASH = 6  # models in a row that share a dash
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "8")
GREYS = ("#000000", "#6C6C6C", "#B0B0B0")  # of classical models
CLASSICAL_MARKERS = ("*", "h", "d")
FONTS = {"sans": "DejaVu Sans", "serif": "STIXGeneral"}  # by theme; matplotlib ships both
RC: Any = {"pdf.fonttype": 42, "font.family": ["DejaVu Sans"]}


def line(index: int, classical: bool = False) -> Looks:
    """Line properties that tell a model apart by colour, dash and marker at once.

    index: the model's place among those of its sort, learned or classical.
    """
    looks: Looks = {"color": colour(index, classical), "linewidth": 1.2, "markersize": 3.4, "markeredgewidth": 0}
    if classical:
        marker = CLASSICAL_MARKERS[index % len(CLASSICAL_MARKERS)]
        hollow = {"markersize": 4.6, "markeredgewidth": 0.9, "markerfacecolor": "white"}
        return looks | hollow | {"marker": marker, "linestyle": LINE_STYLES[-1 - index % len(LINE_STYLES)]}
    dash = LINE_STYLES[index // PER_DASH % len(LINE_STYLES)]
    return looks | {"marker": MARKERS[index % len(MARKERS)], "linestyle": dash}


def colour(index: int, classical: bool = False) -> str:
    colours = GREYS if classical else LINE_COLOURS
    return colours[index % len(colours)]


CONSTANT: Looks = {"color": "0.45", "linestyle": "--", "linewidth": 1.0}


def colours(metric: Metric, name: str) -> str:
    """A colour map for a metric, turned round where less is better."""
    return name if metric.higher_is_better else f"{name}_r"


def ink_on(rgba: tuple[float, ...]) -> str:
    """Black or white, whichever has the greater contrast on a colour (relative luminance of WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgba[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"
