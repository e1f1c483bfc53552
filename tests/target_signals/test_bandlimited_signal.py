"""BandlimitedSignal against NumPy's transform, a transform written as a sum, and the nine cut-offs of the protocol."""

from itertools import product

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from target_signals import get_signal
from target_signals.bandlimited_signal import cutoff

BANDS = [k / 10 for k in range(1, 10)]


def values(dim, length, band, seed=1234):
    return get_signal("BandlimitedSignal", dim, length, band, seed).values


def white_noise(dim, length, seed=1234):
    return np.random.RandomState(seed).uniform(size=(length,) * dim)


def radii(dim, length):
    """Norm of every frequency in cycles per sample: index m stands for m, or for m - length past the middle."""
    signed = [m if m <= length // 2 else m - length for m in range(length)]
    flat = [np.sqrt(sum(m * m for m in point)) / length for point in product(signed, repeat=dim)]
    return np.reshape(flat, (length,) * dim)


def test_the_nine_cutoffs_are_those_of_the_reference():
    t = (np.logspace(0, 1, 9, base=300) - 1) / 299
    np.testing.assert_allclose([cutoff(band) for band in BANDS], 0.0015 + t * 0.6985, rtol=1e-12)
    assert cutoff(0.1) == 0.0015
    assert cutoff(0.9) == pytest.approx(0.7, rel=1e-15)


@pytest.mark.parametrize(("dim", "length"), [(2, 61), (3, 17)])
@pytest.mark.parametrize("band", [0.1, 0.5, 0.7, 0.8, 0.9])
def test_the_spectrum_is_the_noise_inside_and_zero_outside(dim, length, band):
    spectrum = np.fft.fftn(values(dim, length, band).astype(np.float64))
    expected = np.fft.fftn(white_noise(dim, length))
    expected[radii(dim, length) > cutoff(band) / 2**0.5] = 0
    np.testing.assert_allclose(spectrum, expected, atol=1e-6 * length**dim)
    assert (np.abs(expected) > 1e-3 * length ** (dim / 2)).any()


@pytest.mark.parametrize("band", [0.1, 0.8, 0.9])
def test_a_transform_written_as_a_sum_agrees(band):
    n, noise = 9, white_noise(2, 9)
    i, j = np.indices((n, n))
    total = np.zeros((n, n))
    for p, q in product(range(-4, 5), repeat=2):
        if (p * p + q * q) / n**2 <= cutoff(band) ** 2 / 2:
            wave = np.exp(2j * np.pi * (p * i + q * j) / n)
            total += (wave * (noise * wave.conj()).mean()).real
    np.testing.assert_allclose(values(2, n, band), total, atol=1e-6)


@pytest.mark.parametrize(("band", "sigma"), [(0.1, 3e-4), (0.5, 0.014), (0.9, 0.25)])
def test_sigma_at_full_size_is_that_of_the_specification(band, sigma):
    picture = values(2, 1000, band)
    assert picture.shape == (1001, 1001)
    assert picture.std() == pytest.approx(sigma, rel=0.1)


def test_the_low_bands_of_a_volume_are_one_constant():
    mean = np.float32(white_noise(3, 101).mean())
    for band in (0.1, 0.2, 0.3):
        np.testing.assert_allclose(values(3, 100, band), mean, rtol=2e-7)
    assert values(3, 100, 0.4).std() > 1e-4


@given(st.sampled_from([2, 3]), st.integers(2, 16), st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_every_signal_is_odd_float32_and_keeps_the_mean_of_its_noise(dim, length, band, seed):
    odd = length if length % 2 else length + 1
    signal = get_signal("BandlimitedSignal", dim, length, band, seed)
    assert signal.values.shape == signal.lattice.shape == (odd,) * dim
    assert signal.values.dtype == np.float32
    assert signal.values.mean(dtype=np.float64) == pytest.approx(white_noise(dim, odd, seed).mean(), abs=1e-6)
    assert (signal.kind, signal.rings, signal.channels) == ("synthetic", (), 1)


@pytest.mark.parametrize(("dim", "length"), [(2, 40), (3, 12)])
def test_noise_takes_one_real_transform_there_and_one_back(dim, length, calls):
    there, back, complex_ones = calls(scipy.fft, "rfftn"), calls(scipy.fft, "irfftn"), calls(scipy.fft, "fftn")
    values(dim, length, 0.5)
    assert [noise.shape for (noise,) in there] == [(length + 1,) * dim]
    assert (len(back), complex_ones) == (1, [])
