"""How the axes of line figures look."""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

SHORT = 1.5  # decades; a shorter axis is labelled at 1, 2 and 5


def frame(axes: Axes) -> None:
    """A faint grid, and no lines above and to the right."""
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def scores(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(5))


def log_seconds(axes: Axes) -> None:
    """A logarithmic x axis in plain numbers. Asks the axes what they show, so it comes after the lines."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    short = math.log10(high / low) < SHORT
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,), numticks=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
