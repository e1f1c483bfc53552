"""A star of wedges, whose detail grows finer towards its centre: one picture, scored in nine rings.

Source: Kim & Fridovich-Keil, "Grids Often Outperform Implicit Neural Representations", NeurIPS 2025,
synthetic signals (section on data and its appendix), after the Siemens star of optics. Constants and
conventions: docs/protocol.md, "Signals".
"""

from itertools import pairwise

import numpy as np

from target_signals.base import Difficulty, Signal, SignalFamily, register

PICTURE = 1000.0  # side of the picture that the constants below measure
CENTRE, RADIUS = 500.0, 480.0
SECTOR = 4.5  # degrees; every other sector is 1, which makes 40 wedges
TIE = 1e-9  # in sectors: a pixel on a border belongs to the sector that begins there
BANDS = 9


def wedges(length: int, sector: float) -> np.ndarray:
    """1 on every other sector of the disc, else 0: [length, length]. sector: its angle in degrees."""
    dy, dx, squared = _from_centre(length)
    index = np.floor(np.degrees(np.arctan2(dy, dx)) / sector + TIE)
    return ((squared <= RADIUS**2) & (index % 2 == 0)).astype(np.float32)


def _from_centre(length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pixel: its row [length, 1] and column [1, length] from the centre, and its distance squared."""
    offset = np.arange(length) * PICTURE / length - CENTRE
    dy, dx = offset[:, None], offset[None, :]
    return dy, dx, dx**2 + dy**2


@register
class StarTarget(SignalFamily):
    """1 on every other sector of a disc, else 0. `rings[0]` is band 0.1, the outermost and coarsest."""

    name = "StarTarget"
    dims = (2,)
    bands = False
    draws = False
    difficulty = Difficulty("ring")

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        distance = np.sqrt(_from_centre(length)[2])  # [length, length]
        edges = np.linspace(0, RADIUS, BANDS + 1)[::-1]
        rings = tuple((inner <= distance) & (distance < outer) for outer, inner in pairwise(edges))
        return Signal(wedges(length, SECTOR), dim, cls.kind, rings)
