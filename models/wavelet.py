"""Wavelet: the largest coefficients of a separable discrete wavelet transform (Mallat 1989, "A theory for
multiresolution signal decomposition"; Cohen, Daubechies & Feauveau 1992, "Biorthogonal bases of compactly supported
wavelets").

It is computed by PyWavelets (Lee et al. 2019).

The choice, measured on ten DIV2K images at 1e4 … 3e5 parameters (dB, 5 levels, periodised): bior4.4,
the 9/7 pair of JPEG 2000, 24.0 27.2 32.8 42.4; bior6.8 24.0 27.2 32.8 42.3; sym8 23.9 27.0 32.5 42.0;
db2 23.4 26.5 32.0 41.5; haar 22.9 25.9 31.2 40.6. Of the first two bior6.8 is ahead on smooth signals
and behind on shapes (Sierpinski 0.5 at 1e5: 42.3 instead of 44.2 dB). PyWavelets' mirrored ends give more
coefficients than samples and cost 0.5 to 0.9 dB; JPEG 2000's (models/lifting.py) give as many, and 0.2 dB more.
Three levels are too few at 1e4 (21.8 dB, and 11 instead of 82 dB on Bandlimited 0.5 in 3D at 3e3); more than
five change nothing.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from common.lattice import Lattice
from models.base import register
from models.transform_codec import TransformCodec


@register
class Wavelet(TransformCodec):
    """The transform runs on the CPU, wherever the model is.

    The coefficients of a channel are its coarsest average, then the details from coarse to fine.
    """

    name = "Wavelet"

    @dataclass(frozen=True)
    class Config:
        wavelet: str  # PyWavelets' name of the filters; the best of those that were measured
        levels: int  # how often every axis is halved, as long as the shortest has two values
        mode: str  # PyWavelets' name of how a signal goes on beyond its ends

        def __post_init__(self) -> None:
            import pywt

            if self.wavelet not in pywt.wavelist(kind="discrete"):
                raise ValueError(f"wavelet: must be a discrete one of PyWavelets, like bior4.4, got {self.wavelet}")
            if self.mode not in pywt.Modes.modes:
                raise ValueError(f"mode: must be one of {', '.join(pywt.Modes.modes)}, got {self.mode}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.shapes = level_shapes(config, lattice)
        self.bands = ["".join(letters) for letters in itertools.product("ad", repeat=self.dim)]  # average, detail
        # pywt's arrays have the channels first
        self.filters = {"wavelet": config.wavelet, "mode": config.mode, "axes": range(1, self.dim + 1)}

    @classmethod
    def coefficients(cls, config: Any, lattice: Lattice) -> int:
        _, *halved = sizes = [math.prod(shape) for shape in level_shapes(config, lattice)]
        return sizes[-1] + (2**lattice.dim - 1) * sum(halved)

    def analyse(self, values: Tensor) -> Tensor:
        import pywt

        coarse, parts = values.cpu().numpy(), []
        for _ in self.shapes[1:]:
            found = pywt.dwtn(coarse, **self.filters)
            coarse = found[self.bands[0]]
            parts.append(np.stack([found[band] for band in self.bands[1:]], axis=1))  # [C, bands, *shape]
        flat = [part.reshape(self.channels, -1) for part in (coarse, *reversed(parts))]
        return torch.as_tensor(np.concatenate(flat, axis=1), device=values.device)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        import pywt

        flat, at = coefficients.cpu().numpy(), math.prod(self.shapes[-1])
        coarse = flat[:, :at].reshape(-1, *self.shapes[-1])
        for finer, shape in reversed(list(itertools.pairwise(self.shapes))):
            length = len(self.bands[1:]) * math.prod(shape)
            details = flat[:, at : at + length].reshape(-1, len(self.bands[1:]), *shape)
            found = dict(zip(self.bands, [coarse, *details.swapaxes(0, 1)], strict=True))
            # an odd length comes back even
            coarse = pywt.idwtn(found, **self.filters)[(slice(None), *map(slice, finer))]
            at += length
        return torch.as_tensor(coarse, device=coefficients.device)


def level_shapes(config: Any, lattice: Lattice) -> list[tuple[int, ...]]:
    """The lattice's shape, and those of the average after each halving."""
    import pywt

    taps = pywt.Wavelet(config.wavelet).dec_len
    shapes = [lattice.shape]
    for _ in range(min(config.levels, int(math.log2(min(lattice.shape))))):
        shapes.append(tuple(pywt.dwt_coeff_len(n, taps, config.mode) for n in shapes[-1]))
    return shapes
