"""The Sierpinski triangle, drawn to a depth: the dial halves the triangles once more at every step.

Source: Kim & Fridovich-Keil, "Grids Often Outperform Implicit Neural Representations", NeurIPS 2025,
synthetic signals (section on data and its appendix). The paper drew its leaves with an outline of one
point; docs/protocol.md, "Signals", says the same as a distance.
"""

import math

import numpy as np

from target_signals.base import Difficulty, Signal, SignalFamily, register

PICTURE = 1000.0  # side of the picture that the constants below measure
LEFT, RIGHT, TOP, BASE = 35.0, 965.0, 103.2982, 908.7018  # rows run downward, so TOP < BASE
OUTLINE = 0.78  # a leaf reaches this far beyond its edge lines
LEAVES_AT_ONCE = 2**19  # pixels; bounds the memory of one chunk of bounding boxes


def depth_of(bandlimit: float) -> int:
    """0 … 8; rounded first, so that a dial such as 0.1 + 0.2 means 0.3."""
    return int(round(10 * bandlimit, 6)) - 1


def leaf_corners(depth: int) -> np.ndarray:
    """The left ends of the bases of all leaves, (x, y): [3**depth, 2]."""
    width, height = RIGHT - LEFT, BASE - TOP
    corners = np.array([[LEFT, BASE]])
    for _ in range(depth):
        width, height = width / 2, height / 2
        children = np.array([[0, 0], [width, 0], [width / 2, -height]])  # left, right, upper
        corners = (corners[:, None] + children).reshape(-1, 2)
    return corners


def stamp(values: np.ndarray, depth: int) -> None:
    """Set to 1 every pixel of values [rows, columns] that lies in a leaf or on its outline."""
    step = PICTURE / values.shape[0]  # between pixel centres
    width, height = (RIGHT - LEFT) / 2**depth, (BASE - TOP) / 2**depth
    slant = math.hypot(width / 2, height)  # length of a leaf's other two sides
    # Lines moved outward by OUTLINE meet this far left and right of the leaf, and above it.
    beside, above = OUTLINE * (slant + width / 2) / height, OUTLINE * slant / (width / 2)
    columns = np.arange(math.ceil((width + 2 * beside) / step) + 1)
    rows = np.arange(math.ceil((height + above + OUTLINE) / step) + 1)
    corners = leaf_corners(depth)
    leaves_at_once = max(1, LEAVES_AT_ONCE // (len(rows) * len(columns)))
    for start in range(0, len(corners), leaves_at_once):
        x0, y0 = corners[start : start + leaves_at_once].T[:, :, None]  # [leaves, 1] each
        column = np.floor((x0 - beside) / step).astype(int) + columns  # [leaves, columns]
        row = np.floor((y0 - height - above) / step).astype(int) + rows  # [leaves, rows]
        x, y = (column + 0.5) * step, (row + 0.5) * step
        right, up = (x - x0)[:, None, :], (y0 - y)[:, :, None]
        distance = (up * (width / 2) + np.maximum(-right, right - width) * height) / slant  # the nearer slanted side
        inside = np.maximum(distance, -up) <= OUTLINE  # [leaves, rows, columns]
        inside &= ((x >= LEFT) & (x <= RIGHT))[:, None, :] & ((y >= TOP) & (y <= BASE))[:, :, None]
        leaf, i, j = np.nonzero(inside)
        values[row[leaf, i], column[leaf, j]] = 1


@register
class Sierpinski(SignalFamily):
    """1 on the triangle's leaves and their outlines, else 0. The same for every seed."""

    name = "Sierpinski"
    dims = (2,)
    draws = False
    difficulty = Difficulty("subdivision depth", value=depth_of)

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        assert bandlimit is not None
        values = np.zeros((length, length), dtype=np.float32)
        stamp(values, depth_of(bandlimit))
        return Signal(values, dim, cls.kind)
