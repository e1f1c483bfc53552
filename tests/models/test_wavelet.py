"""Wavelet against the same transform by matrices made of PyWavelets' filters, and what it loses."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from common.errors import UsageError
from common.lattice import Lattice
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings
from models.transform_codec import ycbcr_matrix
from tests.building import build, settings_of
from tests.models import codecs
from tests.models.codecs import nine_seven_matrix, random_values

SETTINGS = settings_of("Wavelet", "image")
SHAPES = [*codecs.SHAPES, (2, 2), (3, 2), (1, 9), (1, 70), (2, 33, 40)]
solved = functools.partial(codecs.solved, "Wavelet")


def halvings(shape, levels):
    """Shapes of the averages, the samples' own first."""
    shapes = [shape]
    for _ in range(min(levels, int(max(np.log2(min(shape)), np.log2(max(shape)) - 3)))):
        shapes.append(tuple(-(-n // 2) for n in shapes[-1]))
    return shapes


def along_axes(values, matrices):
    for axis, matrix in enumerate(matrices):
        values = np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)
    return values


def matrices(window):
    return [nine_seven_matrix(n) if n > 1 else np.eye(1) for n in window]


def by_hand(values, kept, levels):
    """The answer [*shape, C], and how many coefficients there are."""
    *shape, channels = values.shape
    mixing = ycbcr_matrix() if len(shape) == 2 and channels == 3 else np.eye(channels)
    coefficients = np.moveaxis(values @ mixing.T, -1, 0).copy()
    windows = halvings(tuple(shape), levels)[:-1]
    for window in windows:
        for channel in coefficients:
            part = tuple(map(slice, window))
            channel[part] = along_axes(channel[part], matrices(window))
    least = np.sort(np.abs(coefficients), axis=None)[-kept] if kept <= coefficients.size else 0.0
    coefficients[np.abs(coefficients) < least] = 0
    for window in reversed(windows):
        for channel in coefficients:
            part = tuple(map(slice, window))
            channel[part] = along_axes(channel[part], map(np.linalg.inv, matrices(window)))
    return np.moveaxis(coefficients, 0, -1) @ np.linalg.inv(mixing).T, coefficients.size


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kept", [1, 7, 60, 10**6])
def test_equals_the_transform_by_matrices(shape, channels, kept):
    values = random_values(shape, channels)
    expected, total = by_hand(values, kept, SETTINGS.levels)
    np.testing.assert_allclose(solved(values, kept), expected, atol=1e-5)
    cls = models.get_model("Wavelet")
    assert cls.solve_size(SETTINGS, Lattice.regular(shape), channels, 10**9) == total


@pytest.mark.parametrize("levels", [0, 1, 3])
@pytest.mark.parametrize("shape", [(32, 40), (13, 10), (7, 5, 6)])
def test_other_levels_are_other_transforms(levels, shape):
    values = random_values(shape, 1)
    expected, _ = by_hand(values, 40, levels)
    np.testing.assert_allclose(solved(values, 40, levels=levels), expected, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_takes_the_coarsest_average_alone(shape):
    values = np.full((*shape, 1), 0.3)
    coarsest = np.prod(halvings(shape, SETTINGS.levels)[-1])
    np.testing.assert_allclose(solved(values, int(coarsest)), values, atol=1e-6)
    assert np.abs(solved(np.zeros((*shape, 1)), 5)).max() == 0


@pytest.mark.parametrize(("shape", "levels"), [((339, 510), 5), ((13, 10), 3), ((1, 9), 0), ((2, 64, 40), 3)])
def test_axes_are_halved_as_often_as_the_shortest_allows_and_long_ones_of_a_thin_lattice_further(shape, levels):
    assert build("Wavelet", shape, 1, size=1, kind="image").levels == levels


def test_a_thin_stack_takes_few_coefficients_as_its_slices_do():
    y, x = np.meshgrid(np.linspace(0, 3, 64), np.linspace(0, 3, 64), indexing="ij")
    image = (0.5 + 0.4 * np.sin(x * y))[..., None]
    assert np.square(solved(np.stack([image, image]), 100) - image).mean() < 1e-3 * image.var()


@pytest.mark.parametrize(("shape", "channels"), [((32, 64), 1), ((32, 32), 2), ((16, 8, 8), 3)])
def test_loses_about_the_energy_of_what_is_dropped(shape, channels):
    """Exactly, were the basis orthonormal (Parseval); that of the 9/7 filters nearly is."""
    values = random_values(shape, channels)
    errors = {kept: np.square(solved(values, kept) - values).sum() for kept in (1, 10, 100, 300)}
    one_level = [along_axes(values[..., channel], matrices(shape)) for channel in range(channels)]
    energy = np.sort(np.square(one_level), axis=None)
    for kept, error in errors.items():
        single = np.square(solved(values, kept, levels=1) - values).sum()
        assert single == pytest.approx(energy[: len(energy) - kept].sum(), rel=0.1)
        assert error <= 1.1 * single


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 1100), min_size=2, max_size=4), st.booleans())
@settings(max_examples=30)
def test_the_error_hardly_grows_with_the_budget(seed, budgets, volume):
    """It would never grow, were the basis orthonormal."""
    values = random_values((8, 16, 8) if volume else (32, 32), 1, seed)
    errors = [np.square(solved(values, kept) - values).sum() for kept in sorted(budgets)]
    assert all(later <= 1.05 * earlier + 1e-9 for earlier, later in itertools.pairwise(errors))


def test_a_noisy_image_is_denoised_by_keeping_few():
    y, x = np.meshgrid(np.linspace(0, 3, 128), np.linspace(0, 3, 128), indexing="ij")
    clean = (0.5 + 0.4 * np.sin(x * y))[..., None]
    noisy = clean + np.random.default_rng(0).normal(scale=0.1, size=clean.shape)
    assert np.square(solved(noisy, 100) - clean).mean() < 0.1 * np.square(noisy - clean).mean()


def test_unknown_settings_are_one_line():
    config = load_config(settings=["Wavelet.levels=-1"])
    with pytest.raises(UsageError, match=r"models\.Wavelet\.levels: must be at least 1, got -1"):
        model_settings(config, "Wavelet", "image", 10_000)
