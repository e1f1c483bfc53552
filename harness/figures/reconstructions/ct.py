"""How a tomogram is looked at: the slice, and its sinogram, which is all that was observed."""

from dataclasses import dataclass

import numpy as np

from harness.analysis.target import Target
from harness.figures.reconstructions.view import Display, Picture, Slot, Tile, as_picture, magnitude


@dataclass(frozen=True, eq=False)
class SinogramDisplay(Display):
    """shape: (rows, columns) of the slice; a sinogram has no proportions of its own and takes the same room."""

    shape: tuple[int, int]
    target: Target

    @property
    def value_slots(self) -> tuple[Slot, ...]:
        return Slot("slice", self.size), Slot("sinogram", self.size)

    @property
    def error_slots(self) -> tuple[Slot, ...]:
        return Slot("|error| of slice", self.size), Slot("|error| of sinogram", self.size)

    @property
    def size(self) -> tuple[float, float]:
        return self.shape[1], self.shape[0]

    def values(self, values: np.ndarray) -> list[Picture]:
        sinogram = self.target.observe(np.ascontiguousarray(values))
        return [Picture(as_picture(values), "value"), Picture(as_picture(sinogram), "sinogram")]

    def errors(self, residual: np.ndarray) -> list[Picture]:
        sinogram = self.target.observe(np.ascontiguousarray(residual))  # the operator is linear
        return [Picture(magnitude(residual), "error"), Picture(magnitude(sinogram), "sinogram error")]

    def of_target(self) -> list[Tile]:
        captions = "target", "its sinogram"
        pictures = self.values(self.target.truth)
        return [Tile(caption, picture, self.size) for caption, picture in zip(captions, pictures, strict=True)]

    def notes(self) -> list[str]:
        return ["sinogram: a row for each angle; the sinogram alone was trained on"]
