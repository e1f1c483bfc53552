"""Where the samples of a person's file lie in space: sizes of voxels and pixels, and the affine of medical volumes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNITS = {  # as formats spell them → as they are shown
    **dict.fromkeys(("mm", "millimeter"), "mm"),
    **dict.fromkeys(("micron", "microns", "um", "µm", "μm", "\\u00B5m", "micrometer"), "µm"),
    **dict.fromkeys(("m", "meter"), "m"),
    **dict.fromkeys(("cm", "centimeter"), "cm"),
    **dict.fromkeys(("nm", "nanometer"), "nm"),
}
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "µm": 1e-6, "nm": 1e-9}
MOST = 1e6  # of any unit between neighbours, and the other way round


@dataclass(frozen=True, eq=False)
class Geometry:
    """An affine map from samples to space.

    affine: [4, d + 1], float64; takes (i_1, …, i_d, 1), counted along the axes of the values, to (x, y, z, 1). In
        medical formats x points to the right, y to the front and z to the head of a patient, as in NIfTI.
    unit: of x, y and z, such as `mm`, or an empty string where the file does not say.
    """

    affine: np.ndarray
    unit: str = ""

    @classmethod
    def of(cls, affine: np.ndarray, unit: str = "") -> "Geometry | None":
        """None where the affine says no more than the indices, or what no picture can have: a stranger wrote it."""
        affine = np.asarray(affine, dtype=np.float64)
        made = cls(affine, UNITS.get(unit, ""))
        if not np.isfinite(affine).all() or not all(1 / MOST < s < MOST for s in made.spacing):
            return None
        says_nothing = np.isin(affine, (0, 1)).all() and not affine[:3, -1].any()
        return None if says_nothing else made

    @classmethod
    def regular(cls, spacing: Sequence[float], units: Sequence[str]) -> "Geometry | None":
        """Axes at right angles, in the last one's unit. spacing: of neighbours along each of at most three axes of the
        values, each in its unit. None where these do not compare, and as in `of`."""
        affine = np.zeros((4, len(spacing) + 1))
        affine[range(len(spacing)), range(len(spacing))] = spacing
        affine[3, -1] = 1
        if len({*units}) > 1:
            metres = [METRES.get(UNITS.get(unit, ""), np.nan) for unit in units]
            affine[range(len(spacing)), range(len(spacing))] *= np.array(metres) / metres[-1]
        return cls.of(affine, units[-1])

    @property
    def spacing(self) -> tuple[float, ...]:
        """The distance of neighbouring samples along each axis of the values."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, :-1], axis=0))

    def of_axes(self, axes: Sequence[int]) -> "Geometry":
        """The same for values whose axes are these ones, in this order."""
        return Geometry(self.affine[:, [*axes, -1]], self.unit)

    def of_cells(self, old: Sequence[int], new: Sequence[int]) -> "Geometry":
        """The same for a copy of the values of shape `new`, whose cells fill the same box as those of shape `old`."""
        affine = self.affine.copy()
        for axis, factor in enumerate(n / m for n, m in zip(old, new, strict=True)):
            affine[:, -1] += (factor - 1) / 2 * affine[:, axis]
            affine[:, axis] *= factor
        return Geometry(affine, self.unit)

    def __str__(self) -> str:
        return f"samples {' × '.join(f'{s:.4g}' for s in self.spacing)} {self.unit}".rstrip() + " apart"
