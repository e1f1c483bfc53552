"""PSNR against bits a sample: a line for each model, over its budgets and bits a value, and for each codec."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.bits import codecs
from harness.analysis.bits.bjontegaard import Point
from harness.analysis.bits.rate_distortion import RateDistortion
from harness.analysis.palette import palette, place_of
from harness.figures import axis_style, style
from harness.figures.layout import AS_NEEDED, Layout, Size
from harness.figures.text import wrapped

SIZE = (7.4, 5.4)  # inches
GAIN = 0.1  # dB by which a point must be better than a smaller file to be drawn
LABEL = 0.145  # inches of a line's name, one above the other
AXES = 0.84  # of the figure's height
CODEC: style.Looks = {"color": style.INK, "linewidth": 1.5}
LEADING: style.Looks = {"linewidth": 1.7}
OTHER: style.Looks = {"linewidth": 0.8, "markersize": 2.4, "alpha": 0.6}


def rate_distortion_page(
    found: RateDistortion, order: Sequence[str], classical: Collection[str], layout: Layout = AS_NEEDED
) -> Figure:
    """Lines with their names beside their ends; codecs and the models that have the best file of their sort, trained
    or yardsticks, within a rate of the table are drawn stronger.

    order, classical: all models of the protocol, and those that are yardsticks; they give each its colour.
    """
    figure = Figure(figsize=size_of(layout, len(found.names)), dpi=150, layout="constrained")
    axes = figure.subplots()
    every = palette(order, found.models)
    places = {name: place_of(name, every, classical) for name in found.models}
    sorts = [[name for name, (_, grey) in places.items() if grey is sort] for sort in (False, True)]
    leading = set.union(*map(found.leading, sorts))
    of_codecs = [name for name in found.names if name not in found.models]
    ends: dict[str, Point] = {}
    for name in found.names:
        if name in found.models:
            looks = style.line(*places[name]) | (LEADING if name in leading else OTHER)
        else:
            dash = codecs.place_of(name, found.kind.dim) % len(style.LINE_STYLES)
            looks = CODEC | {"linestyle": style.LINE_STYLES[dash]}
        points = worth_drawing(found.front(name))
        ends[name] = points[-1]
        order_of_drawing = 3 if name in of_codecs else 2.5 if name in leading else 2
        looks |= {"marker": "."} if len(points) == 1 and name in of_codecs else {}  # it would be no line
        axes.plot(*zip(*points, strict=True), label=name, zorder=order_of_drawing, **looks)
    axis_style.log_x(axes)
    axis_style.few_ticks(axes)
    axis_style.open_grid(axes)
    axes.set_xlabel("bits a sample, of whole files", fontsize=style.TEXT)
    axes.set_ylabel("PSNR (dB)", fontsize=style.TEXT)
    axes.tick_params(labelsize=style.TEXT)
    title = "; ".join(filter(None, (str(found.kind), found.means))) if layout.width is None else ""
    if layout.title:
        title = "\n".join(wrapped(layout.title, figure.get_figwidth()))
    axes.set_title(title, fontsize=style.TEXT, loc="left")
    name_lines(axes, ends, {*of_codecs, *leading}, figure.get_figheight())
    return figure


def size_of(layout: Layout, names: int) -> Size:
    """Width and height in inches, with room for so many names one above the other."""
    width = layout.width or SIZE[0]
    return width, max(SIZE[1] * width / SIZE[0], LABEL * (names + 1) / AXES)


def worth_drawing(front: Sequence[Point]) -> list[Point]:
    """The points of a front that are better by GAIN than the one before: no tail of ever larger files."""
    kept: list[Point] = []
    for point in front:
        if not kept or point.psnr >= kept[-1].psnr + GAIN:
            kept.append(point)
    return kept


def name_lines(axes: Axes, ends: Mapping[str, Point], strong: Collection[str], height: float) -> None:
    """Write names to the right of the axes, each as high as its line's end as far as there is room, and tie them to
    these ends in the lines' colours. height: of the figure, in inches."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    names = sorted(ends, key=lambda name: ends[name].psnr, reverse=True)
    gap = (high - low) * LABEL / (AXES * height)
    heights = spaced([ends[name].psnr for name in names], gap, low, high)
    colours = {str(line.get_label()): line.get_color() for line in axes.lines}
    for name, at in zip(names, heights, strict=True):
        tie: dict[str, Any] = {"arrowstyle": "-", "color": colours[name], "linewidth": 0.5, "alpha": 0.5}
        axes.annotate(
            name,
            ends[name],
            (1.03, at),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            color=colours[name],
            fontsize=style.TEXT,
            fontweight="bold" if name in strong else "normal",
            annotation_clip=False,
            arrowprops=tie | {"relpos": (0.0, 0.5), "shrinkA": 1, "shrinkB": 2},
        )


def spaced(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Falling heights moved as little as a gap between neighbours and both bounds ask: an isotonic regression."""
    from scipy.optimize import isotonic_regression

    below = gap * np.arange(len(heights))  # the first
    moved = isotonic_regression(np.asarray(heights) + below, increasing=False).x
    return list(np.maximum(np.minimum(moved, high), low + below[-1]) - below)
