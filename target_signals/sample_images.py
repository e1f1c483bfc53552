"""Photographs in the public domain that scikit-image's package carries: no download, no licence to mind.

astronaut and hubble: NASA, public domain. rocket: SpaceX, released to the public domain. coffee (Rachel
Michetti) and chelsea (Stefan van der Walt): CC0 by their photographers. As scikit-image's documentation says.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import UsageError
from target_signals import shrink
from target_signals.base import RecordedFamily, Signal, register
from target_signals.readers.picture import opened


def packaged(name: str) -> Path:
    """A file of the package. `skimage.data` itself would download what it does not find; this does not."""
    spec = importlib.util.find_spec("skimage")  # finds the package without importing it
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise UsageError("scikit-image is not installed and carries the sample images; pip install scikit-image")
    return Path(folders[0]) / "data" / name


class PackagedImages(RecordedFamily):
    """Pictures of the package. files: of each item."""

    dims = (2,)
    kind = "image"
    files: dict[str, str]

    @classmethod
    def missing(cls, items: Sequence[str] | None = None) -> str | None:
        for place in (packaged(cls.files[item]) for item in items or cls.items):
            if not place.is_file():
                return f"'{place}' not found; this scikit-image was packaged without it, reinstall it with pip"
        return None

    @classmethod
    def read(cls, item: str) -> np.ndarray:
        """An item as it is: float32 [H, W] or [H, W, 3] in [0, 1]."""
        if (lacking := cls.missing([item])) is not None:
            raise UsageError(lacking)
        with opened(packaged(cls.files[item])) as picture:
            return np.asarray(picture, dtype=np.float32) / 255


@register
class SampleImages(PackagedImages):
    """Prepared as DIV2K's are: the original is the finer image, its bicubic ×4 version the one to fit."""

    name = "SampleImages"
    files = {
        "astronaut": "astronaut.png",
        "coffee": "coffee.png",
        "chelsea": "chelsea.png",
        "rocket": "rocket.jpg",
        "hubble": "hubble_deep_field.jpg",
    }
    items = tuple(files)
    stands_for = "DIV2K"
    typical_shape = (120, 160)

    @classmethod
    def has_finer(cls, item: str) -> bool:
        return True

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        values, finer = shrink.times_four(cls.read(item), length)
        return Signal(values, 2, cls.kind, finer=finer, source=f"scikit-image's {item}, bicubic ×4")
