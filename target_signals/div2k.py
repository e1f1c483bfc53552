"""Ten photographs of DIV2K at a quarter of their resolution, and as they were.

Source: Agustsson & Timofte, "NTIRE 2017 Challenge on Single Image Super-Resolution", CVPR workshops 2017:
training images and their bicubic ×4 versions. For academic research only; see catalogue.py.
"""

from collections.abc import Sequence

import numpy as np

from common.errors import UsageError
from target_signals import shrink
from target_signals.base import RecordedFamily, Signal, register
from target_signals.readers.picture import opened
from target_signals.recorded import local_files
from target_signals.recorded.catalogue import NUMBERS, high_resolution, low_resolution


def read_rgb(path: str) -> np.ndarray:
    """A recorded 8-bit RGB image: [H, W, 3], float32, divided by 255."""
    with opened(local_files.local(path)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32) / 255


@register
class DIV2K(RecordedFamily):
    """The ×4 file itself is the image to fit; the original is the finer one, where it is at hand."""

    name = "DIV2K"
    dims = (2,)
    kind = "image"
    items = NUMBERS
    stand_in = "SampleImages"
    typical_shape = (339, 510)

    @classmethod
    def missing(cls, items: Sequence[str] | None = None) -> str | None:
        return local_files.missing(map(low_resolution, items or cls.items))

    @classmethod
    def has_finer(cls, item: str) -> bool:
        return local_files.find(high_resolution(item)) is not None

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        low = read_rgb(low_resolution(item))
        shape = shrink.shorter(low.shape[:2], length)
        source = f"DIV2K {item}, bicubic ×4 file"
        if not cls.has_finer(item):
            return Signal(shrink.image(low, shape), 2, cls.kind, source=source)
        high = read_rgb(high_resolution(item))
        if high.shape[:2] != tuple(shrink.FACTOR * n for n in low.shape[:2]):
            raise UsageError(
                f"'{local_files.find(high_resolution(item))}' is {high.shape[0]} × {high.shape[1]} pixels, not four "
                f"times its ×4 file; delete it, then {local_files.how_to_obtain('DIV2K_HR')}"
            )
        finer = shrink.image(high, tuple(shrink.FACTOR * n for n in shape))
        return Signal(shrink.image(low, shape), 2, cls.kind, finer=finer, source=f"{source} and original")
