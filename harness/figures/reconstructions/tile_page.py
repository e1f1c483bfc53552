"""A page of tiles: the target on top, and below it a row for each model with its pictures at each budget; in inches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from common.words import budget_text
from harness.analysis.comparison import Comparison
from harness.figures import style
from harness.figures.layout import AS_NEEDED, PAGE, Layout
from harness.figures.page import Sheet, headline
from harness.figures.reconstructions.colour_scales import Scale
from harness.figures.reconstructions.view import SHADED, Frame, Picture, Slot, Tile, shrink
from harness.figures.text import EDGE, LINE, text_width

NAME, RIGHT = 0.24, 0.1  # room for the models' names, written upward, and beside the last tile
GAP, GROUP_GAP, BETWEEN = 0.05, 0.16, 0.06  # between tiles, budgets, rows
CAPTION = 0.155  # above a tile
TALLEST = 1.3  # of a tile
HEADER = 0.36  # of a budget and its slots' titles
DENSITY = 400  # pictures keep at most so many samples an inch
BAR, LONGEST_BAR, BAR_GAP = 0.09, 1.6, 0.36  # a colour bar's height and length, and between two
LEAST_BAR, BARS = 0.8, 0.5  # of a bar's length, and room for a line of bars
BELOW_TARGET, FOOT = 0.14, 0.1


@dataclass(frozen=True)
class Cell:
    """What a fit shows: its pictures by slot, the first with a caption; or, without any, the reason."""

    caption: str
    pictures: Sequence[Picture]
    reason: str = ""


@dataclass(frozen=True)
class TilePage:
    """slots: the columns at every budget. above: the target's pictures, with captions and sizes.

    frame: the part of the first one of them that is shown enlarged. cells: by model and budget. All measures are
    inches, but for sizes.
    """

    comparison: Comparison
    models: Sequence[str]
    sizes: Sequence[int]
    slots: Sequence[Slot]
    above: Sequence[Tile]
    frame: Frame | None
    cells: dict[tuple[str, int], Cell]
    scales: dict[str, Scale]
    subtitle: str
    notes: Sequence[str]
    layout: Layout = AS_NEEDED

    def draw(self) -> Figure:
        """The page."""
        y = self._draw_above(self.sheet.head)
        self._draw_headers(y)
        y += HEADER
        for model in self.models:
            looks: style.Looks = {"rotation": 90, "ha": "left", "va": "center", "fontsize": style.TEXT}
            self.sheet.text(self.figure, EDGE, y + CAPTION + self.row_height / 2, model, **looks)
            for group, size in enumerate(self.sizes):
                self._draw_cell(self.left(group), y, self.cells[model, size])
            y += CAPTION + self.row_height + BETWEEN
        self._draw_bars(y)
        return self.figure

    @cached_property
    def sheet(self) -> Sheet:
        below = len(self.sizes) * (self.group_width + GROUP_GAP) - GROUP_GAP
        beside = max(sum(self.unit * tile.size[0] + GAP for tile in line) - GAP for line in self.targets)
        rows = HEADER + len(self.models) * (CAPTION + self.row_height + BETWEEN)
        bars = BARS * math.ceil(len(self.scales) / self.bars_in_line)
        panel = max(below, beside), self._target_height + rows + bars
        sheet = Sheet(1, 1, panel, (0.0, 0.0), (NAME, RIGHT), layout=self.layout)
        sheet = sheet.with_texts(*headline(self.comparison, self.subtitle, of_one=True), self.notes, FOOT)
        return replace(sheet, head=sheet.head - 0.1)

    @cached_property
    def figure(self) -> Figure:
        return self.sheet.figure()

    @property
    def unit(self) -> float:
        """What one unit of the slots' sizes takes: as wide a page as allowed, and no tile too tall."""
        groups = len(self.sizes)
        free = self.room - groups * (len(self.slots) - 1) * GAP - (groups - 1) * GROUP_GAP
        wide = free / (groups * sum(slot.size[0] for slot in self.slots))
        return min(wide, TALLEST / max(slot.size[1] for slot in self.slots))

    @property
    def room(self) -> float:
        """What tiles may take side by side."""
        return PAGE if self.layout.width is None else self.layout.width - NAME - RIGHT

    @property
    def text(self) -> float:
        """Points of captions and numbers."""
        return style.CELL_TEXT if self.layout.width is None else style.TEXT

    @property
    def targets(self) -> list[list[Tile]]:
        """The target's pictures in lines that fit onto the page."""
        lines: list[list[Tile]] = [[]]
        for tile in self.above:
            taken = sum(self.unit * one.size[0] + GAP for one in lines[-1])
            if lines[-1] and taken + self.unit * tile.size[0] > self.room:
                lines.append([])
            lines[-1].append(tile)
        return lines

    @property
    def bars_in_line(self) -> int:
        most = int((self.room - BAR_GAP / 3) / (LEAST_BAR + BAR_GAP))
        return max(1, min(len(self.scales), most))

    @property
    def row_height(self) -> float:
        return self.unit * max(slot.size[1] for slot in self.slots)

    @property
    def group_width(self) -> float:
        return self.unit * sum(slot.size[0] for slot in self.slots) + (len(self.slots) - 1) * GAP

    def left(self, group: int) -> float:
        return NAME + group * (self.group_width + GROUP_GAP)

    @property
    def _target_height(self) -> float:
        return len(self.targets) * (CAPTION + self.row_height + BELOW_TARGET) if self.above else 0.0

    def _draw_above(self, top: float) -> float:
        """The target; returns where the rows may begin."""
        for number, line in enumerate(self.targets):
            x, y = NAME, top + number * self._target_height / len(self.targets) + CAPTION
            for tile in line:
                axes = self._tile(x, y, tile)
                if tile.picture is self.above[0].picture and self.frame:
                    _mark(axes, self.frame)
                x += self.unit * tile.size[0] + GAP
        return top + self._target_height

    def _draw_bars(self, top: float) -> None:
        """A colour bar for each scale, side by side under the rows, in as many lines as they need."""
        left = NAME + BAR_GAP / 3  # half a number stands beside a bar's end
        pitch = min(LONGEST_BAR + BAR_GAP, (self.sheet.width - left) / self.bars_in_line)
        for index, scale in enumerate(self.scales.values()):
            line, place = divmod(index, self.bars_in_line)
            box = self.sheet.box(self.figure, left + place * pitch, top + line * BARS + 0.2, pitch - BAR_GAP, BAR)
            mappable = ScalarMappable(Normalize(scale.low, scale.high), scale.colours)
            extend = "max" if scale.extend else "neither"
            bar = self.figure.colorbar(mappable, cax=box, orientation="horizontal", extend=extend, extendfrac=0.05)
            ticks = [scale.low, (scale.low + scale.high) / 2, scale.high]
            bar.set_ticks(ticks, labels=[f"{tick:.3g}".replace("-", "−") for tick in ticks])
            bar.ax.set_title(scale.label, fontsize=style.TEXT, pad=3.5, loc="left")
            bar.ax.tick_params(labelsize=self.text, length=2, pad=1)
            bar.ax.spines["outline"].set_linewidth(0.4)

    def _draw_headers(self, top: float) -> None:
        looks: style.Looks = {"ha": "center", "va": "center"}
        for group, size in enumerate(self.sizes):
            x, y, middle = self.left(group), top + 0.08, self.left(group) + self.group_width / 2
            budget: style.Looks = {"weight": "bold", "fontsize": style.TEXT}
            self.sheet.text(self.figure, middle, y, f"{budget_text(size)} parameters", **looks, **budget)
            for slot in self.slots:
                width = self.unit * slot.size[0]
                small = self.text
                if self.layout.width is None:
                    small = min(small, style.TEXT * (width + GAP) / max(text_width(slot.title), 1e-9))
                self.sheet.text(self.figure, x + width / 2, y + LINE, slot.title, fontsize=small, **looks)
                x += width + GAP

    def _draw_cell(self, left: float, top: float, cell: Cell) -> None:
        if not cell.pictures:
            axes = self.sheet.box(self.figure, left, top + CAPTION, self.group_width, self.row_height)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.patch.set(facecolor="white", hatch="/////", edgecolor=style.HATCH, linewidth=0)
            ground: style.Looks = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            looks: style.Looks = {"ha": "center", "va": "center", "fontsize": style.TEXT, "color": style.FAINT}
            axes.text(0.5, 0.5, cell.reason, bbox=ground, transform=axes.transAxes, **looks)
            return
        x = left
        for index, (slot, picture) in enumerate(zip(self.slots, cell.pictures, strict=True)):
            self._tile(x, top + CAPTION, Tile(cell.caption if index == 0 else "", picture, slot.size))
            x += self.unit * slot.size[0] + GAP

    def _tile(self, x: float, y: float, tile: Tile) -> Axes:
        """A picture in the middle of a row that begins at y."""
        width, height = self.unit * tile.size[0], self.unit * tile.size[1]
        axes = self.sheet.box(self.figure, x, y + (self.row_height - height) / 2, width, height)
        pixels = shrink(tile.picture.pixels, max(1, round(DENSITY * max(width, height))), axes=(0, 1))
        looks: style.Looks = {"aspect": "auto"}
        if tile.picture.scale != SHADED and pixels.ndim == 2:
            scale = self.scales[tile.picture.scale]
            looks |= {"cmap": scale.colours, "norm": Normalize(scale.low, scale.high)}
        axes.imshow(pixels, **looks)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color="0.6", linewidth=0.4)
        if tile.picture.remark:
            centre: style.Looks = {"ha": "center", "va": "center", "transform": axes.transAxes}
            axes.text(0.5, 0.5, tile.picture.remark, fontsize=self.text, color=style.FAINT, **centre)
        if tile.caption:
            axes.set_title(tile.caption, fontsize=self.text, pad=2)
        return axes


def _mark(axes: Axes, frame: Frame) -> None:
    """A frame with a rim, which stands out on any ground."""
    (x0, x1), (y1, y0) = axes.get_xlim(), axes.get_ylim()
    corner = x0 + frame.left * (x1 - x0), y0 + frame.top * (y1 - y0)
    for colour, line in (("white", 2.0), (style.colour(1), 1.0)):
        looks: style.Looks = {"fill": False, "edgecolor": colour, "linewidth": line}
        axes.add_patch(Rectangle(corner, frame.width * (x1 - x0), frame.height * (y1 - y0), **looks))
