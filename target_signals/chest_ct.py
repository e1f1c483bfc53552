"""A slice through a chest, from computed tomography: what the CT task reconstructs from its sinogram.

Source: the data folder published with Saragadam et al., "WIRE: Wavelet Implicit Neural Representations",
CVPR 2023. Its clinical origin and licence are not stated, so it is read from INRBENCH_DATA only.
"""

from collections.abc import Sequence

import numpy as np

from target_signals import shrink
from target_signals.base import RecordedFamily, Signal, register
from target_signals.readers.picture import opened
from target_signals.recorded import local_files
from target_signals.recorded.catalogue import CHEST


@register
class ChestCT(RecordedFamily):
    """Grey [326, 435]. The file holds 16 bits; the paper saw the high byte alone, normalised to [0, 1]."""

    name = "ChestCT"
    dims = (2,)
    kind = "image"
    items = ("slice",)
    stand_in = "SheppLogan"
    typical_shape = (326, 435)

    @classmethod
    def missing(cls, items: Sequence[str] | None = None) -> str | None:
        return local_files.missing([CHEST])

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        with opened(local_files.local(CHEST)) as picture:
            high_byte = (np.asarray(picture) >> 8).astype(np.float32)
        low, high = high_byte.min(), high_byte.max()
        values = (high_byte - low) / (high - low)
        shape = shrink.shorter(values.shape, length)
        return Signal(shrink.image(values, shape), 2, cls.kind, source="chest slice of WIRE's data folder, high byte")
