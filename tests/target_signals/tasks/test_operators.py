"""Operators: Radon against the protocol's formula in plain loops, SciPy's interpolation and scikit-image; noise."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import radon

from target_signals.tasks.denoise import noisy
from target_signals.tasks.operators import Identity
from target_signals.tasks.radon import Radon, radon_matrix

ANGLES = (0, 30, 45, 90, 101.8, 180)


def random_values(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def sinogram_by_loops(image, angles):
    """S[k, j] = Σᵢ I(x′, y′), sample by sample."""
    height, width = image.shape
    cx, cy = (width - 1) / 2, (height - 1) / 2
    result = np.zeros((len(angles), width))
    for k, angle in enumerate(angles):
        t = math.radians(angle)
        for j in range(width):
            for i in range(height):
                u, v = j - cx, i - cy
                x = u * math.cos(t) - v * math.sin(t) + cx
                y = u * math.sin(t) + v * math.cos(t) + cy
                left, top = math.floor(x), math.floor(y)
                for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                    if 0 <= row < height and 0 <= column < width:
                        result[k, j] += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return result


def dense(operator):
    """The operator's matrix [A·W, H·W]: one channel for each pixel's unit image."""
    height, width = operator.shape
    units = torch.eye(height * width).reshape(1, height, width, -1)
    return operator(units)[0].flatten(0, 1).double().numpy()


@pytest.mark.parametrize("shape", [(9, 9), (8, 8), (7, 10), (10, 7), (5, 12), (1, 6), (6, 1), (1, 1)])
def test_radon_is_the_formula(shape):
    image = random_values(*shape)
    ours = Radon(shape, ANGLES)(image[None, ..., None])
    assert ours.shape == (1, len(ANGLES), shape[1], 1)
    np.testing.assert_allclose(ours[0, ..., 0], sinogram_by_loops(image.double().numpy(), ANGLES), atol=1e-5)


def test_the_chest_frame_against_scipys_interpolation():
    """The frame of the CT task at three of its angles; sums of up to 326 float32 terms in [0, 1]."""
    shape, angles = (326, 435), np.linspace(0, 180, 100)[[1, 50, 99]]
    image = random_values(*shape, 1)
    ours = Radon(shape, angles).observe(image.numpy())
    i, j = np.indices(shape)
    u, v = j - (shape[1] - 1) / 2, i - (shape[0] - 1) / 2
    for k, t in enumerate(np.deg2rad(angles)):
        at = [u * np.sin(t) + v * np.cos(t) + (shape[0] - 1) / 2, u * np.cos(t) - v * np.sin(t) + (shape[1] - 1) / 2]
        turned = scipy.ndimage.map_coordinates(image[..., 0].double().numpy(), at, order=1, mode="grid-constant")
        np.testing.assert_allclose(ours[k, :, 0], turned.sum(0), atol=1e-3)


def odd_phantom(n):
    """Smooth blobs on a square of odd n, without symmetry."""
    y, x = np.mgrid[:n, :n] / (n - 1) * 2 - 1
    blobs = np.exp(-((x - 0.3) ** 2 + (y + 0.1) ** 2) * 20) + 0.5 * np.exp(-((x + 0.2) ** 2 * 8 + (y - 0.4) ** 2 * 40))
    return blobs, np.hypot(x, y) < 1


def test_radon_is_scikit_images_at_the_opposite_angle_inside_the_circle():
    image, inside = odd_phantom(41)
    image = image * inside
    angles = np.linspace(0, 180, 23)
    expected = radon(image, theta=-angles, circle=True)  # [W, A]
    ours = Radon(image.shape, angles).observe(image[..., None])
    np.testing.assert_allclose(ours[..., 0], expected.T, atol=1e-4)
    assert np.abs(ours[..., 0] - radon(image, theta=angles, circle=True).T).max() > 1


def test_radon_is_scikit_images_without_a_circle_on_its_padded_frame():
    """There the corners count, and scikit-image widens 33 samples to 47, seven on either side."""
    image, _ = odd_phantom(33)
    image[0, 0] = image[-1, 0] = 2.0
    angles = np.linspace(0, 180, 23)
    expected = radon(image, theta=-angles, circle=False)
    assert expected.shape == (47, 23)
    ours = Radon((47, 47), angles).observe(np.pad(image, 7)[..., None])
    np.testing.assert_allclose(ours[..., 0], expected.T, atol=1e-4)


def test_radon_by_hand():
    """At 0° columns are summed; at 180° they are the same ones mirrored; at 90° rows are, as far as the frame goes."""
    image = random_values(5, 8, 1)
    ours = Radon((5, 8), (0, 90, 180)).observe(image.numpy())[..., 0]
    columns = image.double().numpy()[..., 0].sum(0)
    np.testing.assert_allclose(ours[0], columns, atol=1e-5)
    np.testing.assert_allclose(ours[2], columns[::-1], atol=1e-5)
    # u = -3.5 … 3.5 reads rows -1.5 … 5.5 halfway between two, v = -2 … 2 reads columns 5.5 … 1.5
    rows = np.pad(image.double().numpy()[..., 0], ((2, 2), (0, 0)))
    rows = (rows[:, 1:6] + rows[:, 2:7]).sum(1) / 2
    np.testing.assert_allclose(ours[1], (rows[:-1] + rows[1:]) / 2, atol=1e-5)


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    angles=st.lists(st.floats(-400, 400), min_size=1, max_size=4),
    heads=st.integers(1, 3),
    channels=st.integers(1, 3),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_radon_and_its_gradient_are_adjoint(height, width, angles, heads, channels, seed):
    """⟨Ax, y⟩ = ⟨x, Aᵀy⟩, with Aᵀy as autograd gives it; both in float32 sums of a few hundred terms."""
    operator = Radon((height, width), angles)
    x = random_values(heads, height, width, channels, seed=seed).requires_grad_()
    y = random_values(heads, len(angles), width, channels, seed=seed + 1)
    seen = operator(x)
    (back,) = torch.autograd.grad(seen, x, y)
    left, right = (seen.double() * y).sum().item(), (x.double() * back).sum().item()
    assert left == pytest.approx(right, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("shape", [(7, 7), (6, 9), (8, 5)])
def test_the_gradient_is_the_transpose(shape):
    operator = Radon(shape, ANGLES)
    matrix = dense(operator)
    x = random_values(2, *shape, 3).requires_grad_()
    y = random_values(2, len(ANGLES), shape[1], 3, seed=1)
    (back,) = torch.autograd.grad(operator(x), x, y)
    expected = np.einsum("sp,hsc->hpc", matrix, y.flatten(1, 2).double().numpy())
    np.testing.assert_allclose(back.flatten(1, 2), expected, atol=1e-5)


def test_radon_is_linear():
    operator = Radon((8, 11), ANGLES)
    a, b = random_values(1, 8, 11, 1), random_values(1, 8, 11, 1, seed=1)
    torch.testing.assert_close(operator(2 * a - 3 * b), 2 * operator(a) - 3 * operator(b), rtol=1e-5, atol=1e-4)


def test_heads_and_channels_are_seen_one_by_one():
    operator = Radon((6, 9), ANGLES)
    values = random_values(4, 6, 9, 3)
    seen = operator(values)
    assert seen.shape == (4, len(ANGLES), 9, 3)
    for head in range(4):
        for channel in range(3):
            alone = operator(values[head : head + 1, ..., channel : channel + 1])
            torch.testing.assert_close(seen[head, ..., channel], alone[0, ..., 0], rtol=1e-5, atol=1e-5)


def test_entries_are_merged_and_none_is_void():
    """At 0° and 180° each pixel is read once; in between a sample's neighbours share pixels."""
    assert radon_matrix((6, 9), (0.0, 180.0)).nnz == 2 * 6 * 9
    matrix = radon_matrix((6, 9), (30.0,))
    assert matrix.has_canonical_format  # sorted, and no column twice in a row
    assert matrix.data.min() > 0
    assert (matrix.data.dtype, matrix.indices.dtype, matrix.indptr.dtype) == (np.float32, np.int32, np.int32)


def test_the_matrix_is_built_once_for_a_geometry_and_a_device():
    first, second = Radon((6, 9), np.array(ANGLES)), Radon((6, 9), ANGLES)
    radon_matrix.cache_clear()
    for operator in (first, second):
        operator(random_values(1, 6, 9, 1))
        operator(random_values(1, 6, 9, 1))
    assert radon_matrix.cache_info().misses == 1
    assert list(first._maps) == [torch.device("cpu")]


def test_radon_refuses_another_frame():
    with pytest.raises(ValueError, match=r"\(6, 9\) images was given values of shape \(1, 9, 6, 1\)"):
        Radon((6, 9), ANGLES)(random_values(1, 9, 6, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operator", [Identity(), Radon((6, 9), ANGLES)])
def test_observe_is_the_map_of_one_signal(operator, dtype):
    values = random_values(6, 9, 3).numpy().astype(dtype)
    values.flags.writeable = False  # a target may be drawn from a memory map
    seen = operator.observe(values)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen, operator(torch.tensor(values, dtype=torch.float32)[None])[0])


# ── noise ──


def test_noise_is_normal_and_is_not_clipped():
    values = np.full((200, 300, 3), 0.02, dtype=np.float32)
    noise = noisy(values, 0.1, 1234, "0064") - values.astype(np.float64)
    n = noise.size
    assert abs(noise.mean()) < 4 * 0.1 / math.sqrt(n)
    assert noise.std() == pytest.approx(0.1, rel=4 / math.sqrt(2 * n))
    assert (noise < -0.02).mean() == pytest.approx(0.5 * math.erfc(0.2 / math.sqrt(2)), abs=0.005)
    for axis in range(3):  # neighbours and channels are independent
        pair = np.delete(noise, 0, axis).ravel(), np.delete(noise, -1, axis).ravel()
        assert abs(np.corrcoef(*pair)[0, 1]) < 4 / math.sqrt(len(pair[0]))


def test_the_field_is_the_same_whatever_sigma():
    values = random_values(20, 30, 3).numpy()
    weak, strong = (noisy(values, sigma, 7, "0010").astype(np.float64) - values for sigma in (0.05, 0.1))
    np.testing.assert_allclose(strong, 2 * weak, atol=1e-6)
    assert np.array_equal(noisy(values, 0, 7, "0010"), values)
    assert np.array_equal(noisy(values, 0.05, 7, "0010"), noisy(values, 0.05, 7, "0010"))


def test_seeds_and_items_draw_their_own():
    values = np.zeros((40, 50, 1), dtype=np.float32)
    fields = [noisy(values, 1, seed, item).ravel() for seed in (1234, 2024) for item in ("0064", "0007")]
    correlation = np.corrcoef(fields)
    assert np.abs(correlation - np.eye(4)).max() < 4 / math.sqrt(values.size)


def test_noise_is_float32_and_leaves_its_input_alone():
    values = random_values(4, 5, 1).numpy()
    kept = values.copy()
    assert noisy(values, 0.1, 1, "a").dtype == noisy(values.astype(np.float64), 0.1, 1, "a").dtype == np.float32
    assert np.array_equal(values, kept)


def test_noise_is_the_same_in_every_process():
    """Rows of different machines compare only while these numbers stay."""
    noise = noisy(np.zeros((2, 2, 1), dtype=np.float32), 1, 1234, "0064")
    expected = [1.7735631465911865, 1.163984775543213, 0.8001967668533325, -0.3209456205368042]
    np.testing.assert_allclose(noise.ravel(), expected, rtol=1e-6)
