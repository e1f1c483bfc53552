"""How images are looked at: whole, and the same small window for all, where the target has most detail."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.analysis.target import Target
from harness.figures.reconstructions.view import Display, Frame, Picture, Slot, Tile, as_picture, magnitude

PART, LEAST = 6, 12  # the window is this part of each axis, but at least so many samples
PROPORTION = 0.02  # by which the ratios of two axes may differ, as they were rounded
Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class ImageDisplay(Display):
    """shape: (rows, columns). target: None where there is none to look at. spacing: of neighbours along each axis."""

    shape: tuple[int, int]
    target: Target | None
    spacing: tuple[float, ...] = (1.0, 1.0)

    @property
    def value_slots(self) -> tuple[Slot, ...]:
        return (Slot("reconstruction", self.size), Slot("zoom", self.size)) if self.target else ()

    @property
    def error_slots(self) -> tuple[Slot, ...]:
        return (Slot("|error|", self.size), *(() if self.target else (Slot("zoom", self.size),)))

    @property
    def size(self) -> tuple[float, float]:
        return self.shape[1] * self.spacing[1], self.shape[0] * self.spacing[0]

    @cached_property
    def window(self) -> Window:
        """The same for the target and all fits: it depends on the target alone."""
        return window_of_detail(as_picture(self.target.truth) if self.target else np.zeros(self.shape))

    def values(self, values: np.ndarray) -> list[Picture]:
        whole = as_picture(values)
        return [Picture(whole, "value"), Picture(whole[self.window], "value")]

    def errors(self, residual: np.ndarray) -> list[Picture]:
        error = magnitude(residual)
        return [Picture(error, "error"), *([] if self.target else [Picture(error[self.window], "error")])]

    def of_target(self) -> list[Tile]:
        """The target, and what the model was trained on where that is another image."""
        if self.target is None:
            return []
        whole, zoom = self.values(self.target.truth)
        tiles = [Tile("target", whole, self.size), Tile("zoom", zoom, self.size)]
        if self.target.seen is self.target.truth or not _proportional(self.target.seen.shape, self.shape):
            return tiles
        seen = as_picture(self.target.seen)
        enlarged = seen[_scaled(self.window, self.shape, seen.shape)]
        pictures = {"trained on": seen, "zoom": enlarged}
        return tiles + [Tile(caption, Picture(one, "value"), self.size) for caption, one in pictures.items()]

    @property
    def frame(self) -> Frame | None:
        if self.target is None:
            return None
        (rows, columns), (height, width) = self.window, self.shape
        sides = (columns.stop - columns.start) / width, (rows.stop - rows.start) / height
        return Frame(columns.start / width, rows.start / height, *sides)

    def notes(self) -> list[str]:
        return ["zoom: the part with the most detail of the target"] if self.target else []


def window_of_detail(picture: np.ndarray) -> Window:
    """Where the squared differences between neighbours are largest in sum; the centre of a constant picture."""
    values = picture if picture.ndim == 3 else picture[..., None]
    detail = np.zeros(values.shape[:2])
    detail[:-1] += np.square(np.diff(values, axis=0)).sum(axis=-1)
    detail[:, :-1] += np.square(np.diff(values, axis=1)).sum(axis=-1)
    height, width = (min(n, max(LEAST, round(n / PART))) for n in picture.shape[:2])
    totals = np.pad(detail, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums = totals[height:, width:] - totals[:-height, width:] - totals[height:, :-width] + totals[:-height, :-width]
    if np.ptp(sums) <= 1e-9 * max(1e-30, abs(float(sums.max()))):
        row, column = sums.shape[0] // 2, sums.shape[1] // 2
    else:
        row, column = (int(i) for i in np.unravel_index(int(sums.argmax()), sums.shape))
    return slice(row, row + height), slice(column, column + width)


def _scaled(window: Window, shape: tuple[int, ...], other: tuple[int, ...]) -> Window:
    """The same part of a picture of another shape; at least one sample."""
    rows, columns = (
        slice(start := round(part.start * m / n), max(round(part.stop * m / n), start + 1))
        for part, n, m in zip(window, shape, other, strict=False)
    )
    return rows, columns


def _proportional(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes may be those of one picture; a sinogram is none."""
    return abs(one[0] / other[0] - one[1] / other[1]) < PROPORTION
