"""What pages of tiles are made of: pictures on named scales, and the slots that they stand in."""

import math
from typing import NamedTuple, Protocol

import numpy as np

SHADED = "shaded"  # the scale of pictures that are colours already
COLOURS = 3  # channels of an image that is shown in colour


class Picture(NamedTuple):
    """pixels: [rows, columns], or [rows, columns, 3] of colours in [0, 1]. scale: which colour scale they are on.

    remark: written across it.
    """

    pixels: np.ndarray
    scale: str
    remark: str = ""


class Slot(NamedTuple):
    """A column of a page of tiles. size: width and height, in any unit that all slots share."""

    title: str
    size: tuple[float, float]


class Tile(NamedTuple):
    """A picture by itself. size: in the unit of the slots."""

    caption: str
    picture: Picture
    size: tuple[float, float]


class Frame(NamedTuple):
    """A part of a picture, measured in parts of its width and height."""

    left: float
    top: float
    width: float
    height: float


class Display(Protocol):
    """How a signal is looked at. A fit shows its value slots, then its error slots."""

    @property
    def value_slots(self) -> tuple[Slot, ...]: ...

    @property
    def error_slots(self) -> tuple[Slot, ...]: ...

    def values(self, values: np.ndarray) -> list[Picture]:
        """One picture a value slot, of values [*shape, C]."""
        ...

    def errors(self, residual: np.ndarray) -> list[Picture]:
        """One picture an error slot, of prediction - truth [*shape, C]."""
        ...

    def of_target(self) -> list[Tile]:
        """The target's own pictures, and what else stands beside it; nothing without a target."""
        ...

    @property
    def frame(self) -> Frame | None:
        """The part of the target's first picture that others show enlarged."""
        return None

    def notes(self) -> list[str]:
        """What a reader has to know about these pictures."""
        ...


def as_picture(values: np.ndarray) -> np.ndarray:
    """[rows, columns, C] → colours of three channels, of any other number grey values, their mean."""
    return np.clip(values, 0, 1) if values.shape[-1] == COLOURS else values.mean(axis=-1)


def magnitude(residual: np.ndarray) -> np.ndarray:
    """Absolute errors, the mean over channels: [*shape, C] → [*shape]."""
    return np.abs(residual).mean(axis=-1)


def shrink(values: np.ndarray, most: int, axes: tuple[int, ...] | None = None) -> np.ndarray:
    """At most `most` samples along the longest of some axes (by default all): means over whole blocks."""
    axes = tuple(range(values.ndim)) if axes is None else axes
    factor = math.ceil(max(values.shape[axis] for axis in axes) / most)
    for axis in axes if factor > 1 else ():
        starts = np.arange(0, values.shape[axis], factor)
        counts = np.diff([*starts, values.shape[axis]])
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(
            [-1 if i == axis else 1 for i in range(values.ndim)]
        )
    return values
