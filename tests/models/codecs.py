"""Answers of the codecs BlockDCT and Wavelet."""

import numpy as np
import pywt
import torch

from tests.building import build

SHAPES = [(32, 64), (13, 10), (33, 17), (1, 1), (8, 16, 8), (7, 5, 6), (9, 8, 17)]


def random_values(shape, channels, seed=0):
    return np.random.default_rng(seed).random((*shape, channels))


def solved(name, values, kept, **changes):
    """A codec's answer to [*shape, C] with so many coefficients."""
    model = build(name, values.shape[:-1], values.shape[-1], size=kept, kind="image", **changes)
    assert model.solve(model.lattice, torch.from_numpy(values))
    return model.on_lattice(model.lattice).numpy()


def nine_seven_matrix(n):
    """One level along an axis of n samples [n, n], averages before details: PyWavelets' 9/7 filters over samples that
    are mirrored at both ends, averages centred on even samples and details, with the other sign, on odd ones."""
    filters = pywt.Wavelet("bior4.4")
    low, high = (np.trim_zeros(np.array(taps)) for taps in (filters.dec_lo, filters.dec_hi))
    matrix, period = np.zeros((n, n)), max(2 * (n - 1), 1)
    rows = [(low, centre) for centre in range(0, n, 2)] + [(-high, centre) for centre in range(1, n, 2)]
    for row, (taps, centre) in zip(matrix, rows, strict=True):
        for k, tap in enumerate(taps):
            at = (centre + k - len(taps) // 2) % period
            row[min(at, period - at)] += tap
    return matrix
