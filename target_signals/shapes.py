"""Shapes drawn by formulas at any length, on which settings are tuned and which no experiment uses: a turned Sierpinski
carpet, two solids, and slices of ellipses, Shepp & Logan's head and a thorax of this file's own.
"""

from collections.abc import Sequence

import numpy as np

DEPTH, SIDE, TURN = 4, 0.66, 0.35  # of the carpet; half its side, of the frame's half; rad
TUBE = 0.16  # radius of the rings' tubes; the frame is [-1, 1]³
WALL, WAVES = 0.35, 1.25  # of the Schwarz surface: half its thickness as a level, and periods from the centre

# Ellipses: what they add, half axes across and down, centre, degrees by which they are turned.
# Shepp & Logan 1974 with the contrasts of P. A. Toft, The Radon Transform, 1996.
HEAD = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)
THORAX = (
    (0.55, 1.22, 0.86, 0.0, 0.0, 0.0),  # body
    (-0.45, 0.44, 0.58, -0.56, 0.02, 8.0),  # lungs
    (-0.45, 0.44, 0.58, 0.56, 0.02, -8.0),
    (0.3, 0.3, 0.34, 0.12, 0.08, 30.0),  # heart
    (0.4, 0.13, 0.15, 0.0, -0.62, 0.0),  # spine, and the canal in it
    (-0.3, 0.04, 0.05, 0.0, -0.66, 0.0),
    *((0.35, 0.02 + 0.012 * i, 0.03, 0.62 - 0.1 * i, 0.3 - 0.17 * i, 25.0 * i) for i in range(4)),  # vessels
    *((0.3, 0.03, 0.02 + 0.01 * i, -0.7 + 0.11 * i, -0.25 + 0.15 * i, 40.0 * i) for i in range(4)),
)


def axes(shape: Sequence[int]) -> list[np.ndarray]:
    """Centres of cells of [-1, 1] along each axis, ready to broadcast."""
    return list(np.ix_(*((2 * np.arange(n) + 1) / n - 1 for n in shape)))


def carpet(length: int) -> np.ndarray:
    """The Sierpinski carpet to DEPTH, turned by TURN: float32 [length, length], 0 or 1."""
    y, x = axes((length, length))
    across, down = (np.cos(TURN) * x - np.sin(TURN) * y) / SIDE, (np.sin(TURN) * x + np.cos(TURN) * y) / SIDE
    filled = (np.abs(across) < 1) & (np.abs(down) < 1)
    for level in range(1, DEPTH + 1):
        middle = [np.floor((place + 1) / 2 * 3**level) % 3 == 1 for place in (across, down)]
        filled &= ~(middle[0] & middle[1])
    return filled.astype(np.float32)


def rings(length: int) -> np.ndarray:
    """Two linked tori, one of them tilted: float32 [length]³, 0 or 1."""
    x, y, z = axes((length,) * 3)
    tilted = np.cos(0.4) * y - np.sin(0.4) * z, np.sin(0.4) * y + np.cos(0.4) * z
    flat = (np.hypot(x + 0.25, y) - 0.5) ** 2 + z**2
    upright = (np.hypot(x - 0.25, tilted[1]) - 0.5) ** 2 + tilted[0] ** 2
    return (np.minimum(flat, upright) < TUBE**2).astype(np.float32)


def schwarz(length: int) -> np.ndarray:
    """A wall along Schwarz's P surface within a ball: float32 [length]³, 0 or 1."""
    x, y, z = axes((length,) * 3)
    level = sum(np.cos(2 * np.pi * WAVES * axis) for axis in (x, y, z))
    return ((np.abs(level) < WALL) & (x**2 + y**2 + z**2 < 0.81)).astype(np.float32)


def ellipses(table: Sequence[tuple[float, ...]], turn: float, shape: Sequence[int]) -> np.ndarray:
    """The sum of ellipses, turned by some degrees, clipped to [0, 1]: float32 [*shape]. The height is 2 units."""
    height, width = shape
    y, x = axes(shape)
    y, x = -y, x * width / height
    values = np.zeros((height, width))
    for added, across, down, x0, y0, angle in table:
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        u, v = cos * x + sin * y - x0, cos * y - sin * x - y0
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        inside = ((cos * u + sin * v) / across) ** 2 + ((cos * v - sin * u) / down) ** 2 <= 1
        values += added * inside
    return np.clip(values, 0, 1).astype(np.float32)
