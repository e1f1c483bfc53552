"""Wavelet against PyWavelets' own multilevel transform, and what an orthonormal basis promises."""

import dataclasses
import functools
import itertools
import warnings

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from common.errors import UsageError
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings
from models import lifting
from models.transform_codec import ycbcr_matrix
from models.wavelet import level_shapes
from target_signals import Lattice, get_signal
from tests.building import settings_of
from tests.models import codecs
from tests.models.codecs import random_values

SETTINGS = settings_of("Wavelet", "image")
SHAPES = [*codecs.SHAPES, (2, 2), (3, 2), (1, 9)]
solved = functools.partial(codecs.solved, "Wavelet")


def by_hand(values, kept, config):
    """Channel after channel with `wavedecn`; the largest of all coefficients; and back with `waverecn`."""
    mixing = ycbcr_matrix() if values.ndim == 3 and values.shape[-1] == 3 else np.eye(values.shape[-1])
    levels = min(config.levels, int(np.log2(min(values.shape[:-1]))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short axes have boundary effects everywhere
        parts = [
            pywt.wavedecn(channel, config.wavelet, config.mode, levels)
            for channel in np.moveaxis(values @ mixing.T, -1, 0)
        ]
    flat, slices, shapes = zip(*map(pywt.ravel_coeffs, parts), strict=True)
    flat = np.stack(flat)
    least = np.sort(np.abs(flat), axis=None)[-kept] if kept <= flat.size else 0.0
    flat[np.abs(flat) < least] = 0
    channels = [
        pywt.waverecn(pywt.unravel_coeffs(own, s, n, "wavedecn"), config.wavelet, config.mode)
        for own, s, n in zip(flat, slices, shapes, strict=True)
    ]
    whole = np.stack(channels, axis=-1)[tuple(map(slice, values.shape[:-1]))]
    return whole @ np.linalg.inv(mixing).T, flat.size


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kept", [1, 7, 60, 10**6])
def test_equals_pywaveletss_multilevel_transform(shape, channels, kept):
    values = random_values(shape, channels)
    expected, total = by_hand(values, kept, SETTINGS)
    np.testing.assert_allclose(solved(values, kept), expected, atol=1e-5)
    cls = models.get_model("Wavelet")
    assert cls.solve_size(SETTINGS, Lattice.regular(shape), channels, 10**9) == total


@pytest.mark.parametrize("changes", [{"wavelet": "haar"}, {"mode": "symmetric"}, {"levels": 0}, {"levels": 1}])
@pytest.mark.parametrize("shape", [(32, 40), (13, 10), (7, 5, 6)])
def test_other_settings_are_other_transforms(changes, shape):
    values = random_values(shape, 1)
    expected, _ = by_hand(values, 40, dataclasses.replace(SETTINGS, **changes))
    np.testing.assert_allclose(solved(values, 40, **changes), expected, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_takes_the_coarsest_average_alone(shape):
    values = np.full((*shape, 1), 0.3)
    coarsest = np.prod(level_shapes(SETTINGS, Lattice.regular(shape))[-1])
    np.testing.assert_allclose(solved(values, int(coarsest)), values, atol=1e-6)
    assert np.abs(solved(np.zeros((*shape, 1)), 5)).max() == 0


def test_axes_are_halved_as_often_as_the_shortest_allows():
    assert level_shapes(SETTINGS, Lattice.regular((339, 510)))[-1] == (11, 16)
    assert level_shapes(SETTINGS, Lattice.regular((13, 10))) == [(13, 10), (7, 5), (4, 3), (2, 2)]
    assert level_shapes(SETTINGS, Lattice.regular((1, 9))) == [(1, 9)]


@pytest.mark.parametrize(("shape", "channels"), [((32, 64), 1), ((32, 32), 2), ((16, 8, 8), 3)])
def test_no_choice_of_as_many_coefficients_of_an_orthonormal_wavelet_is_better(shape, channels):
    """Parseval, which the shipped wavelet keeps approximately: its two bases are each other's inverse."""
    values = random_values(shape, channels)
    flat = [pywt.ravel_coeffs(pywt.wavedecn(values[..., c], "haar", "periodization", 2))[0] for c in range(channels)]
    energy = np.sort(np.square(np.concatenate(flat)))
    for kept in (1, 10, 100, 300):
        found = solved(values, kept, wavelet="haar", levels=2)
        assert np.square(found - values).sum() == pytest.approx(energy[: len(energy) - kept].sum(), rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 1100), min_size=2, max_size=4), st.booleans())
@settings(max_examples=30)
def test_the_error_never_grows_with_the_budget(seed, budgets, volume):
    """Of an orthonormal wavelet exactly; of the shipped one up to a twentieth."""
    values = random_values((8, 16, 8) if volume else (32, 32), 1, seed)
    for changes, slack in (({"wavelet": "sym4"}, 1.0), ({}, 1.05)):
        errors = [np.square(solved(values, kept, **changes) - values).sum() for kept in sorted(budgets)]
        assert all(later <= slack * earlier + 1e-9 for earlier, later in itertools.pairwise(errors))


def test_a_noisy_image_is_denoised_by_keeping_few():
    y, x = np.meshgrid(np.linspace(0, 3, 128), np.linspace(0, 3, 128), indexing="ij")
    clean = (0.5 + 0.4 * np.sin(x * y))[..., None]
    noisy = clean + np.random.default_rng(0).normal(scale=0.1, size=clean.shape)
    assert np.square(solved(noisy, 100) - clean).mean() < 0.1 * np.square(noisy - clean).mean()


@pytest.mark.parametrize(
    ("item", "more"), [("astronaut", 0.7), ("coffee", 0.8), ("chelsea", 0.9), ("rocket", 1.2), ("hubble", 0.0)]
)
def test_ends_mirrored_as_in_jpeg_2000_would_lose_less(item, more):
    """docs/protocol.md, "Models", says by how many dB at 1e4. There are as many coefficients, one a sample."""
    values = get_signal("SampleImages", 2, item=item, length=128).values
    mixing, kept = torch.tensor(ycbcr_matrix()), 5000
    coefficients = lifting.analyse(torch.tensordot(mixing, torch.tensor(values).double(), ([1], [2])), 5)
    least = coefficients.abs().flatten().sort(descending=True).values[kept - 1]
    synthesised = lifting.synthesise(coefficients.where(coefficients.abs() >= least, 0.0), 5)
    mirrored = torch.tensordot(synthesised, torch.linalg.inv(mixing), ([0], [1])).numpy()
    errors = [np.square(found.clip(0, 1) - values).mean() for found in (solved(values, kept), mirrored)]
    assert 10 * np.log10(errors[0] / errors[1]) == pytest.approx(more, abs=0.06)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("wavelet=db99", "wavelet: must be a discrete one of PyWavelets, like bior4.4, got db99"),
        ("wavelet=morl", "wavelet: must be a discrete one of PyWavelets, like bior4.4, got morl"),
        ("mode=wrap", "mode: must be one of zero, constant, symmetric, "),
        ("levels=-1", "levels: must be at least 1, got -1"),
    ],
)
def test_unknown_settings_are_one_line(setting, message):
    config = load_config(settings=[f"Wavelet.{setting}"])
    with pytest.raises(UsageError, match=rf"models\.Wavelet\.{message}"):
        model_settings(config, "Wavelet", "image", 10_000)
