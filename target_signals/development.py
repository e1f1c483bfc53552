"""Signals on which settings are tuned, of the kinds that the experiments have, and none of which an experiment uses.

Photographs are scikit-image's own, in its package: camera (L. Varshney, CC0), motorcycle (the Middlebury stereo
benchmark of 2014), retina (M. Häggström, CC0) and ihc, a stained tissue (CMMI, no known restrictions). Everything else
is drawn: other bands and seeds of the synthetic families, a star with another count of wedges, a turned Sierpinski
carpet, two solids, and Shepp & Logan's head lying on its side beside a thorax of ellipses of this file's own.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from common.errors import UsageError
from target_signals import shrink
from target_signals.bandlimited_signal import BandlimitedSignal
from target_signals.base import PAPER_LENGTH, RecordedFamily, Signal, SignalFamily, register
from target_signals.readers.picture import opened
from target_signals.sample_images import absent, packaged
from target_signals.spheres import SparseSphereSignal
from target_signals.star_target import wedges

SEED = 31  # of what is drawn at random; experiments have others
IMAGE_LENGTH = 512  # samples along the longest axis, at most; DIV2K's have 510
FILES = {"camera": "camera.png", "motorcycle": "motorcycle_left.png", "retina": "retina.jpg", "ihc": "ihc.png"}
WEDGE = 180 / 28  # degrees of one of the star's 28 wedges; the experiments' star has 40
DEPTH, SIDE, TURN = 4, 0.66, 0.35  # of the carpet; half its side, of the frame's half; rad
TUBE = 0.16  # radius of the rings' tubes; the frame is [-1, 1]³
WALL, WAVES = 0.35, 1.25  # of the Schwarz surface: half its thickness as a level, and periods from the centre
FRAME = (320, 432)  # of a slice

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


def drawn(family: type[SignalFamily], dim: int, bandlimit: float) -> Callable[[int], np.ndarray]:
    """The values of a synthetic family's draw, by length."""
    return lambda length: family.build(dim, length, bandlimit, SEED).values


class Development(RecordedFamily):
    """Items that are drawn at any length. A subclass has `drawings`."""

    drawings: dict[str, Callable[[int], np.ndarray]]

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        length = max(cls.typical_shape) if length is None else length
        return Signal(cls.drawings[item](length), cls.dims[0], cls.kind, source=f"{item}, for development alone")


@register
class DevelopmentImages(RecordedFamily):
    """Three of them in colour."""

    name = "DevelopmentImages"
    dims = (2,)
    kind = "image"
    items = tuple(FILES)
    typical_shape = (448, 512)

    @classmethod
    def missing(cls, items: Sequence[str] | None = None) -> str | None:
        return absent([FILES[item] for item in items or cls.items])

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        if (lacking := cls.missing([item])) is not None:
            raise UsageError(lacking)
        with opened(packaged(FILES[item])) as picture:
            full = np.asarray(picture, dtype=np.float32) / 255
        shape = shrink.shorter(full.shape[:2], min(length or IMAGE_LENGTH, IMAGE_LENGTH))
        return Signal(shrink.image(full, shape), 2, cls.kind, source=f"scikit-image's {item}, for development alone")


@register
class DevelopmentSynthetic(Development):
    """2D, between the bands of the experiments."""

    name = "DevelopmentSynthetic"
    dims = (2,)
    drawings = {
        "bandlimited_0.65": drawn(BandlimitedSignal, 2, 0.65),
        "spheres_0.45": drawn(SparseSphereSignal, 2, 0.45),
        "carpet": carpet,
        "star_28": functools.partial(wedges, sector=WEDGE),
    }
    items = tuple(drawings)
    typical_shape = (PAPER_LENGTH[2],) * 2


@register
class DevelopmentVolumes(Development):
    """Cubes: solids, and the synthetic families in 3D."""

    name = "DevelopmentVolumes"
    dims = (3,)
    kind = "volume"
    drawings = {
        "bandlimited_0.65": drawn(BandlimitedSignal, 3, 0.65),
        "spheres_0.45": drawn(SparseSphereSignal, 3, 0.45),
        "rings": rings,
        "schwarz": schwarz,
    }
    items = tuple(drawings)
    typical_shape = (PAPER_LENGTH[3],) * 3


@register
class DevelopmentCT(Development):
    """Slices in the proportions of a chest's."""

    name = "DevelopmentCT"
    dims = (2,)
    kind = "image"
    drawings = {
        "head": lambda length: ellipses(HEAD, 75.0, shrink.shorter(FRAME, length)),
        "thorax": lambda length: ellipses(THORAX, 0.0, shrink.shorter(FRAME, length)),
    }
    items = tuple(drawings)
    typical_shape = FRAME
