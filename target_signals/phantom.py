"""The Shepp-Logan phantom: ellipses that stand for a head in tests of tomography. It comes with scikit-image.

Source: L. A. Shepp & B. F. Logan, "The Fourier Reconstruction of a Head Section", IEEE Trans. Nucl. Sci. 21, 1974.
"""

import numpy as np

from target_signals import shrink
from target_signals.base import RecordedFamily, Signal, register


@register
class SheppLogan(RecordedFamily):
    """Grey [400, 400] in [0, 1]; runs where the chest slice is not at hand."""

    name = "SheppLogan"
    dims = (2,)
    kind = "image"
    items = ("phantom",)
    stands_for = "ChestCT"
    typical_shape = (400, 400)

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        from skimage.data import shepp_logan_phantom

        values = shepp_logan_phantom().astype(np.float32)
        shape = shrink.shorter(values.shape, length)
        return Signal(shrink.image(values, shape), 2, cls.kind, source="Shepp-Logan phantom of scikit-image")
