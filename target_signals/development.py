"""Signals on which settings are tuned, of the kinds that the experiments have, and none of which an experiment uses.

Photographs are scikit-image's own, in its package: camera (L. Varshney, CC0), motorcycle (the Middlebury stereo
benchmark of 2014), retina (M. Häggström, CC0) and ihc, a stained tissue (CMMI, no known restrictions). Everything else
is drawn: other bands and seeds of the synthetic families, a star with another count of wedges, a turned Sierpinski
carpet, two solids, and Shepp & Logan's head lying on its side beside a thorax of ellipses (target_signals/shapes.py).
That head, upright and in another frame, stands in for the experiments' slice of a chest where its file is not at hand.
"""

import functools
from collections.abc import Callable

import numpy as np

from target_signals import shrink
from target_signals.bandlimited_signal import BandlimitedSignal
from target_signals.base import PAPER_LENGTH, RecordedFamily, Signal, SignalFamily, register
from target_signals.sample_images import PackagedImages
from target_signals.shapes import HEAD, THORAX, carpet, ellipses, rings, schwarz
from target_signals.spheres import SparseSphereSignal
from target_signals.star_target import wedges

SEED = 31  # of what is drawn at random; experiments have others
IMAGE_LENGTH = 512  # samples along the longest axis, at most; DIV2K's have 510
WEDGE = 180 / 28  # degrees of one of the star's 28 wedges; the experiments' star has 40
FRAME = (320, 432)  # of a slice


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
class DevelopmentImages(PackagedImages):
    """Three of them in colour."""

    name = "DevelopmentImages"
    files = {"camera": "camera.png", "motorcycle": "motorcycle_left.png", "retina": "retina.jpg", "ihc": "ihc.png"}
    items = tuple(files)
    typical_shape = (448, 512)

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        full = cls.read(item)
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
