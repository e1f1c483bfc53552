"""How the axes of line figures look."""

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from harness.analysis.gain import LOSSLESS
from target_signals.tasks.metrics import Metric

SHORT = 1.5  # decades; a shorter axis is labelled at 1, 2 and 5
TICK = 0.35  # inches
WIDEST = "0.001"  # no label of seconds or updates is wider
SHADED = "shaded: minimum to maximum"  # the note on a line's spread
RIM = 0.05  # of the scores' range, left free above and below


def open_grid(axes: Axes) -> None:
    """A faint grid, and no lines above and to the right."""
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def few_ticks(axes: Axes) -> None:
    """About five numbers on the y axis."""
    axes.yaxis.set_major_locator(MaxNLocator(5))


def within(scores: Iterable[float], metric: Metric) -> list[float]:
    """The scores that a scale has to hold: without lossless ones, of some 150 dB, where there are others."""
    every = list(scores)
    return [score for score in every if metric.unit != "dB" or abs(score) <= LOSSLESS] or every


def upper_edge(scores: Iterable[float], metric: Metric) -> float:
    """Where a scale of scores ends. Lossless ones among others lie beyond, and are drawn at this edge."""
    held = within(scores, metric)
    return max(held) + RIM * (max(held) - min(held) or 1.0)


def beyond(models: Sequence[str]) -> list[str]:
    """The note on models that are drawn at the upper edge."""
    return [f"at the upper edge, as they lie beyond: {', '.join(models)}"] if models else []


def share(every: Sequence[Axes], y: bool = True) -> None:
    """One scale for all panels of a page, which holds what each of them shows. Comes after the lines. y: of y, too."""
    shown = [axes for axes in every if axes.lines]
    if shown:
        lows, highs = zip(*(axes.get_xlim() for axes in shown), strict=True)
        bottoms, tops = zip(*(axes.get_ylim() for axes in shown), strict=True)
        for axes in every:
            axes.set_xlim(min(lows), max(highs))
            if y:
                axes.set_ylim(min(bottoms), max(tops))


def ticks_in(width: float) -> int:
    """How many labels of about five signs an axis of some inches has room for."""
    return max(2, min(6, int(width / TICK)))


def log_x(axes: Axes, most: int = 6) -> None:
    """A logarithmic x axis of at most `most` numbers. Asks the axes what they show, so it comes after the lines."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    short = math.log10(high / low) < SHORT
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,), numticks=most))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
