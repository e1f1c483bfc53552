"""How volumes are looked at: three orthogonal slices through the middle, and the shaded isosurface."""

from dataclasses import dataclass

import numpy as np

from harness.analysis.target import Target
from harness.figures.reconstructions.isosurface import extent, shaded
from harness.figures.reconstructions.view import SHADED, Display, Picture, Slot, Tile, magnitude

ROWS = 260  # of pixels in an isosurface's picture


@dataclass(frozen=True, eq=False)
class VolumeDisplay(Display):
    """shape: [n0, n1, n2]; axis 1 is drawn upward. target: None where there is none to look at.

    spacing: of neighbours along each axis, the least of them 1.
    """

    shape: tuple[int, int, int]
    target: Target | None
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0)

    @property
    def slices(self) -> tuple[Slot, ...]:
        """Front, top and side, with the proportions of the volume."""
        n0, n1, n2 = (n * apart for n, apart in zip(self.shape, self.spacing, strict=True))
        return Slot("front", (n0, n1)), Slot("top", (n0, n2)), Slot("side", (n2, n1))

    @property
    def value_slots(self) -> tuple[Slot, ...]:
        width, height = extent(self.shape, self.spacing)
        tallest = max(slot.size[1] for slot in self.slices)
        return (*self.slices, Slot("isosurface", (tallest * width / height, tallest))) if self.target else ()

    @property
    def error_slots(self) -> tuple[Slot, ...]:
        return tuple(Slot("|error|", slot.size) for slot in self.slices)

    @property
    def level(self) -> float:
        """Halfway between the target's least and greatest value."""
        assert self.target is not None
        return float(self.target.truth.min() + self.target.truth.max()) / 2

    def values(self, values: np.ndarray) -> list[Picture]:
        volume = values.mean(axis=-1)
        surface = shaded(volume, self.level, ROWS, self.spacing)
        blank = Picture(np.ones((1, 1, 3)), SHADED, remark="no surface")
        return [*_slices(volume, "value"), blank if surface is None else Picture(surface, SHADED)]

    def errors(self, residual: np.ndarray) -> list[Picture]:
        return _slices(magnitude(residual), "error")

    def of_target(self) -> list[Tile]:
        if self.target is None:
            return []
        captions = [f"target, {self.slices[0].title}", *(slot.title for slot in self.value_slots[1:])]
        parts = zip(captions, self.values(self.target.truth), self.value_slots, strict=True)
        return [Tile(caption, picture, slot.size) for caption, picture, slot in parts]

    def notes(self) -> list[str]:
        surface = f"isosurface at {self.level:.3g}, halfway between the target's extremes" if self.target else ""
        return list(filter(None, ["slices through the middle, axis 1 upward", surface]))


def _slices(volume: np.ndarray, scale: str) -> list[Picture]:
    """The slices through the middle, as pictures whose first row is the top one."""
    n0, n1, n2 = volume.shape
    planes = volume[:, :, n2 // 2].T, volume[:, n1 // 2, :].T, volume[n0 // 2, :, :]
    return [Picture(np.flipud(plane), scale) for plane in planes]
