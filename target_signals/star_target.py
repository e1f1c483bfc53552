"""A star of wedges, whose detail grows finer towards its centre: one picture, scored in nine rings.

Source: Kim & Fridovich-Keil, "Grids Often Outperform Implicit Neural Representations", NeurIPS 2025,
synthetic signals (section on data and its appendix), after the Siemens star of optics. Constants and
conventions: docs/protocol.md, "Signals".
"""

from itertools import pairwise

import numpy as np

from target_signals.base import Signal, SignalFamily, register

PICTURE = 1000.0  # side of the picture that the constants below measure
CENTRE, RADIUS = 500.0, 480.0
SECTOR = 4.5  # degrees; every other sector is 1, which makes 40 wedges
TIE = 1e-9  # in sectors: a pixel on a border belongs to the sector that begins there
BANDS = 9


@register
class StarTarget(SignalFamily):
    """1 on every other sector of a disc, else 0. `rings[0]` is band 0.1, the outermost and coarsest."""

    name = "StarTarget"
    dims = (2,)
    bands = False

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        offset = np.arange(length) * PICTURE / length - CENTRE
        dy, dx = offset[:, None], offset[None, :]
        squared = dx**2 + dy**2  # [length, length]
        sector = np.floor(np.degrees(np.arctan2(dy, dx)) / SECTOR + TIE)
        star = (squared <= RADIUS**2) & (sector % 2 == 0)
        distance = np.sqrt(squared)
        edges = np.linspace(0, RADIUS, BANDS + 1)[::-1]
        rings = tuple((inner <= distance) & (distance < outer) for outer, inner in pairwise(edges))
        return Signal(star.astype(np.float32), dim, cls.kind, rings)
