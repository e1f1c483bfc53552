"""Smaller or larger copies of images and binary volumes.

Samples are taken as cells that fill the frame: cell i of an axis of n reaches from i/n to (i + 1)/n, and
so does cell j of m in the copy. So centres align (docs/protocol.md, "Tasks").
"""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse


def bicubic(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image [H, W, C] of floats → [*shape, C] of the same type, as MATLAB's imresize does it by default.

    Cubic convolution with a = -1/2 (Keys 1981), widened by the factor of shrinking so that nothing
    aliases, edges mirrored with the edge sample repeated. Nothing is rounded or clipped.
    """
    if values.ndim != 3 or not np.issubdtype(values.dtype, np.floating):
        raise TypeError(f"bicubic takes floats [H, W, C], got {values.dtype} of shape {values.shape}")
    resized = values.astype(np.float64)
    for axis, new in enumerate(shape):
        lines = np.moveaxis(resized, axis, 0)  # [old, the others]
        new_lines = cubic_matrix(len(lines), new) @ lines.reshape(len(lines), -1)
        resized = np.moveaxis(new_lines.reshape(new, *lines.shape[1:]), 0, axis)
    return resized.astype(values.dtype, order="C")


def cubic_matrix(old: int, new: int) -> "scipy.sparse.csr_array":
    """What each of `new` samples takes from each of `old`: [new, old], rows sum to 1."""
    import scipy.sparse  # takes longer to import than all signals' modules

    stretch = max(1.0, old / new)
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    taps = math.ceil(4 * stretch) + 2  # the kernel reaches 2 either way, wherever it starts between samples
    index = np.floor(centres - 2 * stretch).astype(int)[:, None] + np.arange(taps)  # [new, taps]
    weights = cubic_kernel((centres[:, None] - index) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    index %= 2 * old
    mirrored = np.where(index < old, index, 2 * old - 1 - index)
    where = np.repeat(np.arange(new), taps), mirrored.ravel()
    return scipy.sparse.csr_array((weights.ravel(), where), shape=(new, old))  # sums what the mirror folds together


def cubic_kernel(x: np.ndarray) -> np.ndarray:
    """Keys' piecewise cubic with a = -1/2: 1 at 0, 0 at the other integers and from 2 on."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def shrink_occupancy(values: np.ndarray, shape: tuple[int, ...], threshold: float = 0.0) -> np.ndarray:
    """A smaller copy of a binary volume: bool [*values.shape] → bool [*shape].

    A cell is occupied when more than `threshold` of its volume was. With 0, the default, any part will do,
    and both sides keep their topology. Cells that shared a face lie in cells that share one, so a solid
    stays in one piece. An empty cell was empty throughout, so no hole opens in what was solid, and a path
    across the faces of empty cells was such a path before: a shell that was closed stays closed, however
    thin. The price is a surface up to one cell further out. With 0.5 a solid keeps its volume instead,
    but whatever is thinner than half a cell is torn or lost.
    """
    if values.dtype != bool or values.ndim != len(shape):
        raise TypeError(f"expected bool with {len(shape)} axes to shrink to {shape}, got {values.dtype} {values.shape}")
    covered = values.astype(np.float64)
    for axis, new in enumerate(shape):
        overlap = overlap_matrix(values.shape[axis], new)
        covered = np.moveaxis(np.tensordot(overlap, covered, axes=(1, axis)), 0, axis)
    return covered > threshold * values.size


def overlap_matrix(old: int, new: int) -> np.ndarray:
    """The length that each of `new` cells shares with each of `old`: [new, old], rows sum to `old`.

    The unit is 1/(old·new), which makes every length a whole number and every sum of products exact.
    """
    start, first = np.arange(new)[:, None] * old, np.arange(old) * new
    overlap = np.minimum(start + old, first + new) - np.maximum(start, first)
    return np.maximum(overlap, 0).astype(np.float64)
