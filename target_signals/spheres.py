"""Balls of one radius at random places: the dial shrinks the balls and multiplies them.

Source: Kim & Fridovich-Keil, "Grids Often Outperform Implicit Neural Representations", NeurIPS 2025,
synthetic signals (section on data and its appendix). Constants: docs/protocol.md, "Signals".
"""

import math

import numpy as np

from target_signals.base import Difficulty, Signal, SignalFamily, register

FILLING = 0.1  # total volume of the balls, overlaps counted twice, as a share of the cube
RADII_PER_LENGTH = 100  # radius = length / (RADII_PER_LENGTH · bandlimit)
CELLS_AT_ONCE = 2**19  # bounds the memory of one chunk of bounding boxes


def ball_volume(dim: int, radius: float) -> float:
    """Of a ball in so many dimensions; an area in two."""
    return math.pi ** (dim / 2) / math.gamma(dim / 2 + 1) * radius**dim


def stamp(values: np.ndarray, centres: np.ndarray, radius: float) -> None:
    """Set to 1 every cell whose index is within `radius` of one of centres [balls, dim]."""
    dim = values.ndim
    # no cell of a ball is further than these from the cell below its centre
    offsets = np.arange(-math.floor(radius), math.ceil(radius) + 1)
    balls_at_once = max(1, CELLS_AT_ONCE // len(offsets) ** dim)
    for start in range(0, len(centres), balls_at_once):
        chunk = centres[start : start + balls_at_once]
        cells = np.floor(chunk).astype(int)[:, :, None] + offsets  # [balls, dim, offsets]
        along = (cells - chunk[:, :, None]) ** 2
        along[(cells < 0) | (cells >= values.shape[0])] = np.inf  # no wrap-around
        squared = 0.0
        for k in range(dim):  # sums up to [balls, offsets, …, offsets]
            squared = squared + along[:, k].reshape(len(chunk), *(-1 if axis == k else 1 for axis in range(dim)))
        ball, *position = np.nonzero(np.sqrt(squared) <= radius)
        values[tuple(cells[ball, k, position[k]] for k in range(dim))] = 1


@register
class SparseSphereSignal(SignalFamily):
    """1 inside a ball, else 0. Distances run from integer cell indices; overlaps merge."""

    name = "SparseSphereSignal"
    dims = (2, 3)
    difficulty = Difficulty("radius", "% of the side", lambda bandlimit: 100 / (RADII_PER_LENGTH * bandlimit))

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        assert bandlimit is not None
        radius = length / (RADII_PER_LENGTH * bandlimit)
        number = int(FILLING * length**dim / ball_volume(dim, radius))
        centres = np.random.RandomState(seed).uniform(0, length, (number, dim))
        values = np.zeros((length,) * dim, dtype=np.float32)
        stamp(values, centres, radius)
        return Signal(values, dim, cls.kind)
