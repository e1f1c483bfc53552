"""Recorded signals at a smaller length, for presets and for ×4 pairs. Nothing is ever enlarged."""

import numpy as np

from common.errors import UsageError
from target_signals.resample import bicubic

FACTOR = 4  # of super-resolution, per axis


def check(length: int) -> None:
    """UsageError for a length that no lattice has."""
    if not isinstance(length, int | np.integer):
        raise UsageError(f"length must be a whole number of samples, got {length!r}")
    if length < 2:
        raise UsageError(f"length {length} is too short for a signal; give at least 2")


def shorter(shape: tuple[int, ...], length: int | None, spacing: tuple[float, ...] | None = None) -> tuple[int, ...]:
    """The shape scaled to `length` samples along its longest axis; itself when it is that short, or for None.

    spacing: of neighbours along each axis, where they differ. The longest axis is then the longest in space, and an
    axis whose samples are further apart than those of the scaled ones keeps them.
    """
    if length is not None:
        check(length)
    if length is None or length >= max(shape):
        return shape
    apart = [1.0] * len(shape) if spacing is None else [s / min(spacing) for s in spacing]
    extent = max(n * s for n, s in zip(shape, apart, strict=True))
    return tuple(min(n, max(2, round(n * s * length / extent))) for n, s in zip(shape, apart, strict=True))


def image(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An image [H, W] or [H, W, C] in [0, 1] at a smaller shape (h, w): antialiased bicubic, overshoot clipped."""
    if values.shape[:2] == tuple(shape):
        return values
    small = bicubic(values.reshape(*values.shape[:2], -1), (shape[0], shape[1]))
    return np.clip(small, 0, 1).reshape(*shape, *values.shape[2:]).astype(np.float32)


def grey_volume(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A volume [X, Y, Z] in [0, 1] at a smaller shape: the image filter along every axis."""
    x, y, z = shape
    across = image(values, (x, y))  # z as channels
    layers = np.moveaxis(across, 2, 0).reshape(values.shape[2], 1, x * y)
    return np.ascontiguousarray(np.moveaxis(image(layers, (z, 1)).reshape(z, x, y), 0, 2))


def times_four(values: np.ndarray, length: int | None) -> tuple[np.ndarray, np.ndarray]:
    """An image [H, W(, C)] as (its ×4-downsampled image, itself); cropped so that 4 divides its sides.

    length: samples along the longest axis of the first; the second has 4 times as many.
    """
    height, width = (n // FACTOR for n in values.shape[:2])
    small = shorter((height, width), length)
    finer = image(values[: FACTOR * height, : FACTOR * width], tuple(FACTOR * n for n in small))
    return image(finer, small), finer
