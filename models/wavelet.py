"""Wavelet: the largest coefficients of a separable discrete wavelet transform (Mallat 1989, "A theory for
multiresolution signal decomposition"), with the 9/7 filters of JPEG 2000 and its mirrored ends (models/lifting.py).

The choice, measured on ten DIV2K images at 1e4 … 3e5 parameters (dB, 5 levels, periodised ends): the 9/7
pair 24.0 27.2 32.8 42.4; bior6.8 24.0 27.2 32.8 42.3; sym8 23.9 27.0 32.5 42.0; db2 23.4 26.5 32.0 41.5;
haar 22.9 25.9 31.2 40.6. Of the first two bior6.8 is ahead on smooth signals and behind on shapes
(Sierpinski 0.5 at 1e5: 42.3 instead of 44.2 dB). Three levels are too few at 1e4 (21.8 dB, and 11 instead of
82 dB on Bandlimited 0.5 in 3D at 3e3); more than five change nothing.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from common.lattice import Lattice
from models import lifting
from models.base import register
from models.transform_codec import TransformCodec


@register
class Wavelet(TransformCodec):
    """Coefficients lie as in `lifting.analyse`: [C, *shape], of each level the averages before the details."""

    name = "Wavelet"

    @dataclass(frozen=True)
    class Config:
        levels: int  # how often axes are halved, if they are long enough: `lifting.halvings`

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.levels = lifting.halvings(lattice.shape, config.levels)

    @classmethod
    def coefficients(cls, config: Any, lattice: Lattice) -> int:
        return len(lattice)

    def analyse(self, values: Tensor) -> Tensor:
        return lifting.analyse(values, self.levels).flatten(1)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        return lifting.synthesise(coefficients.view(-1, *self.lattice.shape), self.levels)
