"""The Radon transform on a lattice, as a sparse matrix (docs/protocol.md, "Tasks")."""

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from target_signals.tasks.operators import Operator

if TYPE_CHECKING:
    import scipy.sparse
    import torch
    from torch import Tensor

    from common.sparse_map import SparseMap

NEGLIGIBLE = 1e-9  # a weight that float32 loses beside 1; sin π is not quite 0, so 180° would be full of them


class Radon(Operator):
    """Sums along the lines of a turned frame, a parallel-beam sinogram: [heads, H, W, C] → [heads, A, W, C].

    Seen at angle t, sample (i, j) of the frame lies at row u sin t + v cos t + (H - 1) / 2 and column
    u cos t - v sin t + (W - 1) / 2 of the image, with u = j - (W - 1) / 2 and v = i - (H - 1) / 2. Values
    are bilinear between pixels, zero outside; detector j sums over i; nothing is normalised.

    shape: (H, W). angles: A of them, in degrees.
    """

    def __init__(self, shape: tuple[int, int], angles: Sequence[float] | np.ndarray):
        height, width = shape
        self.shape = (height, width)
        self.angles = tuple(float(angle) for angle in angles)
        self._maps: dict[torch.device, SparseMap] = {}

    def __call__(self, values: "Tensor") -> "Tensor":
        heads, *shape, channels = values.shape
        if tuple(shape) != self.shape:
            raise ValueError(
                f"a Radon transform of {self.shape} images was given values of shape {tuple(values.shape)}"
            )
        if values.device not in self._maps:
            self._maps[values.device] = self._build(values.device)
        pixels = values.movedim(0, -2).reshape(-1, heads * channels)  # [H·W, heads·C]
        sinograms = self._maps[values.device](pixels)  # [A·W, heads·C]
        return sinograms.reshape(len(self.angles), self.shape[1], heads, channels).movedim(-2, 0)

    def _build(self, device: "torch.device") -> "SparseMap":
        import torch

        from common.sparse_map import SparseMap

        rows = radon_matrix(self.shape, self.angles)
        starts, columns, weights = (
            torch.from_numpy(part).to(device) for part in (rows.indptr, rows.indices, rows.data)
        )
        return SparseMap(starts, columns, weights, rows.shape)


@lru_cache(maxsize=1)  # trials on one slice share it
def radon_matrix(shape: tuple[int, int], angles: tuple[float, ...]) -> "scipy.sparse.csr_array":
    """The matrix [A·W, H·W] of `Radon`, float32.

    326 × 435 at 100 angles has 26 million entries. A product reads each once, 0.2 GB, about 0.1 ms of an
    H100's bandwidth; resampling the image would compute 14 million positions anew each time, and its
    gradient would scatter by atomic additions, in any order.
    """
    import scipy.sparse  # takes a sixth of a second, which other tasks do without

    return scipy.sparse.vstack([_view(shape, angle) for angle in angles], format="csr")


def _view(shape: tuple[int, int], angle: float) -> "scipy.sparse.csr_array":
    """The rows of one angle: [W, H·W]."""
    import scipy.sparse

    height, width = shape
    sin, cos = np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))
    u = np.arange(width) - (width - 1) / 2  # [W]
    v = np.arange(height)[:, None] - (height - 1) / 2  # [H, 1]
    x, y = u * cos - v * sin + (width - 1) / 2, u * sin + v * cos + (height - 1) / 2  # [H, W]
    detector = np.broadcast_to(np.arange(width, dtype=np.int32), (height, width))
    detectors, pixels, weights = [], [], []
    for below, right in itertools.product((0, 1), repeat=2):
        row, column = np.floor(y) + below, np.floor(x) + right
        weight = (1 - np.abs(y - row)) * (1 - np.abs(x - column))
        kept = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (weight > NEGLIGIBLE)
        detectors.append(detector[kept])
        pixels.append((row * width + column)[kept].astype(np.int32))
        weights.append(weight[kept])
    where = np.concatenate(detectors), np.concatenate(pixels)
    summed = scipy.sparse.csr_array((np.concatenate(weights), where), shape=(width, height * width))
    return summed.astype(np.float32)  # after neighbouring samples of one line have met in a pixel
