"""Filtered back-projection against scikit-image's, and against discs that must come back where they were."""

import numpy as np
import pytest
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, resize

from target_signals.tasks.back_projection import filtered_back_projection
from target_signals.tasks.ct import ANGLES
from target_signals.tasks.metrics import psnr
from target_signals.tasks.radon import Radon


def back(values, angles=ANGLES):
    radon = Radon(values.shape[:2], angles)
    return filtered_back_projection(radon.observe(values), radon.shape, radon.angles)


def phantom(length):
    return resize(shepp_logan_phantom(), (length, length), order=1).astype(np.float32)[..., None]


def test_it_is_scikit_images_on_a_square_of_odd_side():
    angles = np.arange(0, 180, 4.5)  # scikit-image counts all views alike, so none may stand twice
    sinogram = Radon((65, 65), angles).observe(phantom(65))[..., 0].T.astype(np.float64)
    expected = iradon(sinogram, -angles, filter_name="ramp", circle=False, output_size=65)
    np.testing.assert_allclose(back(phantom(65), angles)[..., 0], expected, atol=2e-5)


def test_the_last_view_of_a_half_turn_counts_with_the_first():
    once = back(phantom(65), np.linspace(0, 180, 40, endpoint=False))
    np.testing.assert_allclose(back(phantom(65), np.linspace(0, 180, 41)), once, atol=2e-5)


@pytest.mark.parametrize("shape", [(64, 64), (63, 80), (80, 63), (64, 81)])
def test_a_disc_comes_back_where_it_was_whatever_the_shape(shape):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    centre = shape[0] // 2 - 3.3, shape[1] // 2 + 4.2
    disc = np.clip(15.5 - np.hypot(rows - centre[0], columns - centre[1]), 0, 1).astype(np.float32)[..., None]
    found = back(disc).clip(0, 1)
    assert found[disc == 1].mean() == pytest.approx(1, abs=0.02)
    assert psnr(disc, found) > 28
    near = np.where(found > 0.2, found, 0)[..., 0]
    assert [(near * axis).sum() / near.sum() for axis in (rows, columns)] == pytest.approx(centre, abs=0.1)


def test_channels_are_slices_of_their_own():
    one, other = phantom(33), phantom(33)[::-1].copy()
    found = back(np.concatenate([one, other], axis=-1))
    np.testing.assert_allclose(found, np.concatenate([back(one), back(other)], axis=-1), atol=1e-6)


def test_one_ray_comes_back_as_the_ramp_and_nothing_wraps_around():
    """Kak & Slaney's equation 61 along the detector of a single view, which counts as half a turn."""
    width, ray = 8, 1
    sinogram = np.zeros((1, width, 1), dtype=np.float32)
    sinogram[0, ray] = 1
    away = np.abs(np.arange(width) - ray)
    ramp = [0.25 if n == 0 else -1 / (np.pi * n) ** 2 if n % 2 else 0.0 for n in away]
    found = filtered_back_projection(sinogram, (1, width), [0.0])
    np.testing.assert_allclose(found[0, :, 0], np.pi * np.array(ramp), atol=1e-7)


@pytest.mark.parametrize("first", [0.0, 7.0, 29.0])
def test_where_the_half_turn_begins_plays_no_part(first):
    """At the middle of what looks the same from everywhere: all views together count as half a turn."""
    angles = np.arange(first, first + 180, 30)
    view = np.exp(-(np.linspace(-2, 2, 15) ** 2), dtype=np.float32)
    middle, alone = (
        filtered_back_projection(np.tile(view, (len(seen), 1))[..., None], (15, 15), seen)[7, 7, 0]
        for seen in (angles, [0.0])
    )
    assert middle == pytest.approx(alone, rel=1e-6)
