"""Filtered back-projection, the classical answer to a sinogram.

A. C. Kak & M. Slaney, "Principles of Computerized Tomographic Imaging" (1988), section 3.3: each view is filtered with
the ramp, sampled in space (equation 61), and smeared back along its lines.
"""

from collections.abc import Sequence

import numpy as np


def filtered_back_projection(sinogram: np.ndarray, shape: tuple[int, int], angles: Sequence[float]) -> np.ndarray:
    """The slice [H, W, C] of a sinogram [A, W, C] as `Radon` of that shape observes it, float32.

    angles: A of them, in degrees, ascending over half a turn at most. Each counts as much as half the way to both its
    neighbours; the last view of a half turn is the first one turned round. Filtered views are interpolated linearly, 0
    beyond their ends.
    """
    height, width = shape
    filtered = _ramp_filtered(sinogram.astype(np.float64))
    gaps = np.diff(np.append(angles, angles[0] + 180.0))
    weights = np.deg2rad(gaps + np.roll(gaps, 1)) / 2
    u = np.arange(width) - (width - 1) / 2  # [W]
    v = (np.arange(height) - (height - 1) / 2)[:, None]  # [H, 1]
    values = np.zeros((*shape, sinogram.shape[-1]))
    for view, weight, angle in zip(filtered, weights, np.deg2rad(angles), strict=True):
        # where a pixel's line meets the detector, [H, W]; rounded, or sin π, which is not quite 0, loses the last pixel
        position = (u * np.cos(angle) + v * np.sin(angle)).round(9)
        for channel in range(values.shape[-1]):
            values[..., channel] += weight * np.interp(position, u, view[:, channel], left=0.0, right=0.0)
    return values.astype(np.float32)


def _ramp_filtered(views: np.ndarray) -> np.ndarray:
    """Views [A, W, C] convolved with the ramp's samples, padded so that nothing wraps around."""
    width = views.shape[1]
    length = 1 << (2 * width - 1).bit_length()
    offset = np.abs(np.fft.fftfreq(length, 1 / length)).round()
    odd = offset % 2 == 1
    ramp = np.where(offset == 0, 0.25, 0.0)
    ramp[odd] = -1 / (np.pi * offset[odd]) ** 2
    response = np.fft.rfft(ramp)[:, None]
    return np.fft.irfft(np.fft.rfft(views, length, axis=1) * response, length, axis=1)[:, :width]
