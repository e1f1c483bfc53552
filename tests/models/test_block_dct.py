"""BlockDCT against SciPy's transform block by block, and against Parseval."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn, idctn

import models
from common.errors import UsageError
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings
from models.block_dct import cosine_matrix
from models.transform_codec import ycbcr_matrix
from target_signals import Lattice
from tests.building import settings_of
from tests.models import codecs
from tests.models.codecs import SHAPES, random_values

BLOCK = {2: 16, 3: 8}
solved = functools.partial(codecs.solved, "BlockDCT")


def jpeg_colours(rgb):
    """Y, Cb and Cr as the JFIF standard writes them out, without the offsets: [*shape, 3]."""
    r, g, b = np.moveaxis(rgb, -1, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cb = -0.168735892 * r - 0.331264108 * g + 0.5 * b
    cr = 0.5 * r - 0.418687589 * g - 0.081312411 * b
    return np.stack([y, cb, cr], axis=-1)


def rgb_of(colours):
    """The inverse as the standard writes it out."""
    y, cb, cr = np.moveaxis(colours, -1, 0)
    return np.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], axis=-1)


def by_hand(values, kept, block):
    """Block after block with SciPy; the largest of all coefficients; and back."""
    dim, shape, image = values.ndim - 1, values.shape[:-1], values.ndim == 3 and values.shape[-1] == 3
    coded = jpeg_colours(values) if image else values
    coded = np.pad(coded, [*[(0, -n % block) for n in shape], (0, 0)], mode="symmetric")
    corners = list(itertools.product(*(range(0, n, block) for n in coded.shape[:-1]), range(coded.shape[-1])))
    places = [(*(slice(i, i + block) for i in corner[:-1]), corner[-1]) for corner in corners]
    coefficients = np.stack([dctn(coded[place], norm="ortho") for place in places])  # [blocks · C, block, …]
    least = np.sort(np.abs(coefficients), axis=None)[-kept] if kept <= coefficients.size else 0.0
    coefficients[np.abs(coefficients) < least] = 0
    for place, own in zip(places, coefficients, strict=True):
        coded[place] = idctn(own, norm="ortho")
    answer = coded[tuple(map(slice, shape))]
    assert answer.ndim == dim + 1
    return rgb_of(answer) if image else answer


@pytest.mark.parametrize("n", [1, 2, 8, 16])
def test_the_matrix_is_scipys_transform_and_orthonormal(n):
    matrix = cosine_matrix(n)
    np.testing.assert_allclose(matrix, dctn(np.eye(n), axes=[0], norm="ortho"), atol=1e-14)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(n), atol=1e-14)


def test_the_colours_are_jpegs():
    rgb = random_values((50,), 3)
    np.testing.assert_allclose(rgb @ ycbcr_matrix().T, jpeg_colours(rgb), atol=1e-8)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kept", [1, 7, 60, 10**6])
def test_equals_the_transform_block_by_block(shape, channels, kept):
    values = random_values(shape, channels)
    np.testing.assert_allclose(solved(values, kept), by_hand(values, kept, BLOCK[len(shape)]), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_takes_one_coefficient_a_block(shape):
    values = np.full((*shape, 1), 0.3)
    blocks = np.prod([-(-n // BLOCK[len(shape)]) for n in shape])
    np.testing.assert_allclose(solved(values, int(blocks)), values, atol=1e-6)
    assert np.abs(solved(np.zeros((*shape, 1)), 5)).max() == 0


@pytest.mark.parametrize(("shape", "channels"), [((16, 32), 1), ((16, 16), 2), ((8, 8, 16), 1), ((8, 8, 8), 3)])
def test_no_choice_of_as_many_coefficients_is_better(shape, channels):
    """Parseval: the squared error is the energy of what is left out, whose least is that of the smallest."""
    values = random_values(shape, channels)
    energy = []
    for corner in itertools.product(*(range(0, n, BLOCK[len(shape)]) for n in shape), range(channels)):
        place = tuple(slice(i, i + BLOCK[len(shape)]) for i in corner[:-1])
        energy.append(np.square(dctn(values[(*place, corner[-1])], norm="ortho")).ravel())
    energy = np.sort(np.concatenate(energy))
    for kept in (1, 10, 100, 300):
        left_out = energy[: len(energy) - kept].sum()
        assert np.square(solved(values, kept) - values).sum() == pytest.approx(left_out, rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 600), min_size=2, max_size=4), st.booleans())
@settings(max_examples=30)
def test_the_error_never_grows_with_the_budget(seed, budgets, volume):
    values = random_values((8, 8, 8) if volume else (16, 32), 1, seed)
    errors = [np.square(solved(values, kept) - values).sum() for kept in sorted(budgets)]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(errors))


def test_equal_magnitudes_keep_the_earlier_ones():
    values = np.zeros((16, 48, 1))
    values[:, 16:] = 1.0  # two blocks with the same one coefficient
    found = solved(values, 1)
    np.testing.assert_allclose(found[:, 16:32], 1, atol=1e-6)
    assert np.abs(found[:, 32:]).max() == 0


@pytest.mark.parametrize("block", ['{"2": 16}', '{"2": 16, "3": 0}', '{"2": 16, "3": 8, "4": 4}'])
def test_blocks_are_given_for_images_and_volumes(block):
    config = load_config(settings=[f"BlockDCT.block={block}"])
    with pytest.raises(UsageError, match=r"models\.BlockDCT\.block: must be at least 1 sample an axis for"):
        model_settings(config, "BlockDCT", "image", 10_000)


def test_another_block_is_another_transform():
    values = random_values((16, 32), 1)
    np.testing.assert_allclose(solved(values, 50, block={"2": 4, "3": 4}), by_hand(values, 50, 4), atol=1e-5)


def test_blocks_far_longer_than_the_signal_are_refused():
    huge = settings_of("BlockDCT", block={"2": 60_000, "3": 60_000})
    for shape in ((13, 10), (7, 5, 6)):
        with pytest.raises(UsageError, match=r"^BlockDCT\.block: whole blocks of 60000 fill"):
            models.get_model("BlockDCT").solve_size(huge, Lattice.regular(shape), 1, 1000)
    whole = settings_of("BlockDCT", block={"2": 4100, "3": 8})
    assert models.get_model("BlockDCT").coefficients(whole, Lattice.regular((4000, 4099))) == 4100**2
