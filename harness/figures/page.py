"""A page of panels: where they stand, in inches, and the words around them.

Importing this module imports matplotlib's figure objects, never pyplot.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.words import plural
from harness.analysis.cell import counted
from harness.analysis.comparison import Comparison
from harness.figures import style
from harness.figures.layout import AS_NEEDED, Layout, Size
from harness.store.names import unless_plain
from target_signals.tasks.base import title_of

LEAST_PAGE = 4.4  # inches; room for the lines of text
EDGE = 0.1
TITLE_ROOM, PANEL_TITLE_ROOM = 0.3, 0.27
LABEL_GAP = 0.05  # inches between labels of ticks
LINE = 0.155  # from one line of text to the next
LETTER, BOLD_LETTER = 0.0083, 0.0096  # mean width in inches of a letter of one point


@dataclass(frozen=True)
class Sheet:
    """Equal panels in reading order, with text above and below them. All measures are inches.

    margin: left and right of the panels. head, foot: above and below them; see `with_room`. layout: what was asked for.
    """

    count: int
    columns: int
    panel: tuple[float, float]
    gap: tuple[float, float]
    margin: tuple[float, float]
    head: float = 0.0
    foot: float = 0.0
    layout: Layout = AS_NEEDED

    @property
    def rows(self) -> int:
        return math.ceil(self.count / self.columns)

    @property
    def grid(self) -> tuple[float, float]:
        """Width and height of all panels together."""
        return (
            self.columns * (self.panel[0] + self.gap[0]) - self.gap[0],
            self.rows * (self.panel[1] + self.gap[1]) - self.gap[1],
        )

    @property
    def width(self) -> float:
        return self.layout.width or max(LEAST_PAGE, self.margin[0] + self.grid[0] + self.margin[1])

    @property
    def height(self) -> float:
        return self.head + self.grid[1] + self.foot

    def figure(self) -> Figure:
        return Figure(figsize=(self.width, self.height), dpi=200, facecolor="white")

    def axes(self, figure: Figure, index: int) -> Axes:
        row, column = divmod(index, self.columns)
        x = self.margin[0] + column * (self.panel[0] + self.gap[0])
        y = self.head + row * (self.panel[1] + self.gap[1])
        axes = self.box(figure, x, y, *self.panel)
        axes.tick_params(labelsize=style.TEXT, length=2, pad=2)
        return axes

    def box(self, figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose upper left corner is x from the left and y from the top."""
        below = self.height - y - height
        return figure.add_axes((x / self.width, below / self.height, width / self.width, height / self.height))

    def text(self, figure: Figure, y: float, text: str, **looks: Any) -> None:
        """Text whose upper edge is y from the top."""
        figure.text(EDGE / self.width, 1 - y / self.height, text, va="top", linespacing=1.25, **looks)

    def first_column(self, index: int) -> bool:
        return index % self.columns == 0

    def lowest(self, index: int) -> bool:
        """Whether no panel stands below this one."""
        return index + self.columns >= self.count

    def name_axes(self, axes: Axes, index: int, x: str, y: str) -> None:
        """Name the axes of a panel, where no neighbour's name serves: x of the lowest, y of the first column."""
        if self.first_column(index):
            axes.set_ylabel(y, fontsize=style.TEXT, labelpad=3)
        else:
            axes.tick_params(labelleft=False)
        if self.lowest(index):
            axes.set_xlabel(x, fontsize=style.TEXT, labelpad=3)


def panels(count: int, layout: Layout, panel: Size, alone: Size, gap: Size, margin: Size, label: float = 0.0) -> Sheet:
    """A sheet of so many panels, as `Layout.fit` sizes them. alone: the size of a panel that is the only one."""
    columns, fitted, between = layout.fit(count, alone if count == 1 else panel, gap, margin, label)
    return Sheet(count, columns, fitted, between, margin, layout=layout)


def text_width(text: str) -> float:
    """About how wide a text is, in inches."""
    return len(text) * style.TEXT * LETTER


def thinned(labels: Sequence[str], width: float) -> list[str]:
    """Labels for ticks at equal distances along `width` inches: all where they fit, else every second, third …"""
    room = max(map(text_width, labels)) + LABEL_GAP
    every = math.ceil(room * len(labels) / width)
    return [label if index % every == 0 else "" for index, label in enumerate(labels)]


def draws_text(comparison: Comparison) -> str:
    """`5 seeds`, or `10 items and 5 seeds`."""
    counts = counted(comparison.draws)
    words = [plural(count, noun) for noun, count in counts.items() if noun == "seed" or count > 1]
    return " and ".join(words)


def averaged(comparison: Comparison) -> str:
    """`, mean over seeds`, where there is something to average."""
    several = [f"{noun}s" for noun, count in counted(comparison.draws).items() if count > 1]
    return f", mean over {' and '.join(several)}" if several else ""


def head_lines(comparison: Comparison, subtitle: str, width: float) -> list[str]:
    """What stands under the headline, in lines of `width` inches: protocol, subtitle, and whose rows these are."""
    protocol = (*comparison.kind.extent, f"preset {comparison.kind.preset}", draws_text(comparison))
    subtitle += "; rings: 0.1 the outermost" if None in comparison.regions and comparison.bands else ""
    subtitle += f"; {comparison.difficulty.name} in {comparison.difficulty.unit}" if comparison.difficulty.unit else ""
    others = [model for model in comparison.models if model in comparison.of_reference]
    reference = [f"from the reference results: {', '.join(others)}"] if others else []
    texts = (" · ".join(protocol), subtitle, *reference)
    return [line for text in texts for line in wrapped(text, width)]


def wrapped(text: str, width: float, letter: float = LETTER) -> list[str]:
    """A text in lines that fit into `width` inches, with `5 %` in one. letter: mean width in inches of a letter of one
    point."""
    whole = text.replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(whole, int((width - 2 * EDGE) / (style.TEXT * letter)))
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def notes_height(notes: Sequence[str], width: float) -> float:
    """Inches that the notes take under a page `width` inches wide."""
    return LINE * len(wrapped(" · ".join(notes), width))


def with_room(sheet: Sheet, comparison: Comparison, subtitle: str, notes: Sequence[str], below: float) -> Sheet:
    """The sheet with a head and a foot that hold the texts, and in the foot `below` inches for other things."""
    if sheet.layout.width is None:
        head = TITLE_ROOM + LINE * len(head_lines(comparison, subtitle, sheet.width)) + PANEL_TITLE_ROOM
    else:
        head = EDGE + LINE * len(wrapped(sheet.layout.title or "", sheet.width, BOLD_LETTER)) + PANEL_TITLE_ROOM
    return replace(sheet, head=head, foot=below + notes_height(notes, sheet.width))


def write_texts(sheet: Sheet, figure: Figure, comparison: Comparison, subtitle: str, notes: Sequence[str]) -> None:
    """What was measured, above the panels; what its signs mean, below them."""
    looks: style.Looks = {"fontsize": style.TEXT, "color": style.INK}
    if sheet.layout.width is None:
        task = unless_plain(comparison.kind.task, f", {title_of(comparison.kind.task)}")
        task += f" (stands in for {comparison.stands_for})" if comparison.stands_for else ""
        title = sheet.layout.title or comparison.kind.title + task
        size = min(style.TITLE, (sheet.width - 2 * EDGE) / (len(title) * BOLD_LETTER))
        sheet.text(figure, EDGE, title, fontsize=size, weight="bold")
        sheet.text(figure, TITLE_ROOM, "\n".join(head_lines(comparison, subtitle, sheet.width)), **looks)
    elif sheet.layout.title:
        title = "\n".join(wrapped(sheet.layout.title, sheet.width, BOLD_LETTER))
        sheet.text(figure, EDGE / 2, title, fontsize=style.TEXT, weight="bold")
    lines = wrapped(" · ".join(notes), sheet.width)
    sheet.text(figure, sheet.height - 0.08 - notes_height(notes, sheet.width), "\n".join(lines), **looks)
