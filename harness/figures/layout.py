"""How wide a page is, and what stands above its panels."""

import math
from dataclasses import dataclass

PAGE = 7.4  # inches that the panels of a page may take side by side
COLUMN_GAP, LEAST_PANEL = 0.16, 1.1  # inches, on a page of given width: between panels, and room for a panel's title
INSET = 0.1  # inches that the outer ticks of two neighbouring panels stand off from their edges, together
ASPECT, LEAST_HEIGHT = 0.8, 1.2  # of a panel on such a page: height by width, and inches
LEAST_WIDTH, MOST_WIDTH = 2.5, 20.0  # inches that may be asked for
Size = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """What a person asks of a page.

    width: inches of the whole page, for a column of print: no headline, and no text below 8 points. None: as wide as
    the panels need. title: a line in place of the headline's.
    """

    width: float | None = None
    title: str | None = None

    def fit(self, count: int, panel: Size, gap: Size, margin: Size, label: float) -> tuple[int, Size, Size]:
        """Columns of panels, a panel's size, the gaps between them, in inches.

        panel, gap: where no width is given. label: width of the widest label under a tick, of which neighbouring panels
        each have a half between them.
        """
        if self.width is None:
            return columns_for(count, panel[0], gap[0]), panel, gap
        room, between = self.width - sum(margin), max(COLUMN_GAP, label - INSET)
        columns = even_columns(count, int((room + between) / (LEAST_PANEL + between)))
        width = (room - (columns - 1) * between) / columns
        return columns, (width, max(LEAST_HEIGHT, min(ASPECT * width, panel[1]))), (between, gap[1])


AS_NEEDED = Layout()


def even_columns(count: int, most: int) -> int:
    """How many columns, at most `most`, fill their rows as evenly as can be."""
    return math.ceil(count / math.ceil(count / max(1, min(count, most))))


def columns_for(count: int, panel: float, gap: float) -> int:
    """How many columns of panels a page holds, in rows that are filled as evenly as can be."""
    return even_columns(count, int((PAGE + gap) / (panel + gap)))
