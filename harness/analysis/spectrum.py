"""Radially averaged power spectra of sampled signals."""

import numpy as np

BINS_PER_OCTAVE = 6
NYQUIST = 0.5  # cycles a sample


def radial_spectrum(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in cycles a sample, and the mean power density of values [*shape, C] on the shells around them.

    The density of white noise is its variance. The mean is taken out and a Hann window laid over every
    axis, as few signals continue periodically. Shells are equal on a logarithmic scale, up to Nyquist's
    frequency; those that no frequency falls in are left out.
    """
    shape = values.shape[:-1]
    axes = tuple(range(len(shape)))
    window = np.ones(shape)
    for axis, n in enumerate(shape):
        hann = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
        window *= hann.reshape([-1 if i == axis else 1 for i in axes])
    centred = values.astype(np.float64) - values.mean(axis=axes, dtype=np.float64)
    transform = np.fft.rfftn(centred * window[..., None], axes=axes)
    power = np.square(np.abs(transform)).mean(axis=-1) / np.square(window).sum()
    radius, weight = _half_plane(shape)
    lowest = 1 / max(shape)
    count = max(1, round(BINS_PER_OCTAVE * np.log2(NYQUIST / lowest)))
    edges = np.geomspace(lowest * (1 - 1e-9), NYQUIST * (1 + 1e-9), count + 1)
    shell = np.digitize(radius.ravel(), edges)  # 0: below the lowest; count + 1: beyond Nyquist's
    weights = weight.ravel()
    total = np.bincount(shell, weights, count + 2)[1:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.bincount(shell, weights * power.ravel(), count + 2)[1:-1] / total
        frequency = np.bincount(shell, weights * radius.ravel(), count + 2)[1:-1] / total
    return frequency[total > 0], density[total > 0]


def _half_plane(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The radius of each frequency that rfftn gives, and how many frequencies it stands for."""
    sides = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    radius = np.sqrt(sum(side**2 for side in np.ix_(*sides)))
    weight = np.full(radius.shape, 2.0)
    weight[..., 0] = 1
    if shape[-1] % 2 == 0:
        weight[..., -1] = 1
    return radius, weight
