"""A page of panels: where they stand, in inches, and the words around them.

Importing this module imports matplotlib's figure objects, never pyplot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from common.words import plural
from harness.analysis.cell import counted
from harness.analysis.comparison import Comparison
from harness.figures import legend, style
from harness.figures.layout import AS_NEEDED, Layout, Size
from harness.figures.text import BOLD_LETTER, EDGE, LINE, wrapped
from harness.store.names import unless_plain
from target_signals.tasks.base import title_of

LEAST_PAGE = 4.4  # inches; room for the lines of text
TITLE_ROOM, PANEL_TITLE_ROOM = 0.3, 0.27
BELOW_NOTES, BELOW_LEGEND = 0.08, 0.14  # inches; below the legend the notes' come on top


@dataclass(frozen=True)
class Sheet:
    """Equal panels in reading order, with text above and below them. All measures are inches.

    margin: left and right of the panels. head, foot: above and below them. layout: what was asked for. title, lines,
    notes, handles: the headline, what stands under it, and at the foot the notes and above these a legend; see
    `with_texts`.
    """

    count: int
    columns: int
    panel: Size
    gap: Size
    margin: Size
    layout: Layout = AS_NEEDED
    head: float = 0.0
    foot: float = 0.0
    title: str = ""
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()
    handles: Sequence[Line2D] = ()

    def with_texts(
        self,
        title: str,
        texts: Sequence[str],
        notes: Sequence[str],
        below: float,
        handles: Sequence[Line2D] = (),
    ) -> "Sheet":
        """The sheet with words around its panels, and a head and a foot that hold them.

        A page of given width has the headline that was asked for, if any, and no texts under it. below: inches of the
        foot for other things, above the legend.
        """
        if self.layout.width is None:
            title, lines = self.layout.title or title, [line for text in texts for line in wrapped(text, self.width)]
            head = TITLE_ROOM + LINE * len(lines)
        else:
            of_title, lines = wrapped(self.layout.title or "", self.width, BOLD_LETTER), []
            title, head = "\n".join(of_title), EDGE + LINE * len(of_title)
        notes = wrapped(" · ".join(notes), self.width)
        foot = below + legend.height(handles, self.width) + LINE * len(notes)
        head += PANEL_TITLE_ROOM
        return replace(self, title=title, lines=lines, notes=notes, handles=handles, head=head, foot=foot)

    @property
    def rows(self) -> int:
        return math.ceil(self.count / self.columns)

    @property
    def grid(self) -> Size:
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
        """The page with its words, without panels."""
        figure = Figure(figsize=(self.width, self.height), dpi=200, facecolor="white")
        block: style.Looks = {"va": "top", "linespacing": 1.25}
        looks = block | {"fontsize": style.TEXT, "color": style.INK}
        if self.layout.width is None:
            size = min(style.TITLE, (self.width - 2 * EDGE) / (len(self.title) * BOLD_LETTER))
            self.text(figure, EDGE, EDGE, self.title, fontsize=size, weight="bold", **block)
            self.text(figure, EDGE, TITLE_ROOM, "\n".join(self.lines), **looks)
        elif self.title:
            self.text(figure, EDGE, EDGE / 2, self.title, fontsize=style.TEXT, weight="bold", **block)
        notes = LINE * len(self.notes)
        self.text(figure, EDGE, self.height - BELOW_NOTES - notes, "\n".join(self.notes), **looks)
        if self.handles:
            corner = EDGE / self.width, (BELOW_LEGEND + notes) / self.height
            legend.draw(figure, self.handles, corner, self.width)
        return figure

    def axes(self, figure: Figure, index: int, title: str = "") -> Axes:
        """The axes of a panel."""
        row, column = divmod(index, self.columns)
        x = self.margin[0] + column * (self.panel[0] + self.gap[0])
        y = self.head + row * (self.panel[1] + self.gap[1])
        axes = self.box(figure, x, y, *self.panel)
        axes.set_title(title, fontsize=style.TEXT, pad=4)
        axes.tick_params(labelsize=style.TEXT, length=2, pad=2)
        return axes

    def box(self, figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose upper left corner is x from the left and y from the top."""
        below = self.height - y - height
        return figure.add_axes((x / self.width, below / self.height, width / self.width, height / self.height))

    def text(self, figure: Figure, x: float, y: float, text: str, **looks: Any) -> None:
        """Text at x from the left and y from the top."""
        figure.text(x / self.width, 1 - y / self.height, text, **looks)

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
    return Sheet(count, columns, fitted, between, margin, layout)


def averaged(comparison: Comparison) -> str:
    """`, mean over seeds`, where there is something to average."""
    several = [f"{noun}s" for noun, count in counted(comparison.draws).items() if count > 1]
    return f", mean over {' and '.join(several)}" if several else ""


def headline(comparison: Comparison, subtitle: str, of_one: bool = False) -> tuple[str, list[str]]:
    """The title of a comparison's page, and the texts under it: protocol, subtitle, and whose rows these are.

    of_one: whether the page is of one band, which its subtitle names.
    """
    kind, counts = comparison.kind, counted(comparison.draws)
    title = kind.title + unless_plain(kind.task, f", {title_of(kind.task)}")
    title += f" (stands in for {comparison.stands_for})" if comparison.stands_for else ""
    draws = " and ".join(plural(count, noun) for noun, count in counts.items() if noun == "seed" or count > 1)
    subtitle += "; rings: 0.1 the outermost" if None in comparison.regions and comparison.bands else ""
    subtitle += "" if of_one else _dial(comparison)
    others = [model for model in comparison.models if model in comparison.of_reference]
    reference = [f"from the reference results: {', '.join(others)}"] if others else []
    return title, [" · ".join((*kind.extent, f"preset {kind.preset}", draws)), subtitle, *reference]


def _dial(comparison: Comparison) -> str:
    """`; cut-off in cycles per sample at bands 0.5 0.9`: what axes say in place of the bands, by which tables go."""
    dial, bands = comparison.difficulty, [f"{band:g}" for band in comparison.bands]
    if bands == [dial.text(band) for band in comparison.bands]:
        return ""
    unit = f" in {dial.unit}" if dial.unit else ""
    return f"; {dial.name}{unit} at {'bands' if len(bands) > 1 else 'band'} {' '.join(bands)}"
