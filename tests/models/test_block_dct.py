"""BlockDCT against SciPy's transform block by block, and against Parseval."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn, idctn

import models
from common.errors import UsageError
from common.needs import Needs
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings
from models.block_dct import cosine_matrix
from models.transform_codec import ycbcr_matrix
from target_signals import Lattice

CONFIG = load_config()
SETTINGS = model_settings(CONFIG, "BlockDCT", "image", 10_000)
BLOCK = {2: 16, 3: 8}
SHAPES = [(16, 32), (13, 10), (33, 17), (1, 1), (8, 16, 8), (7, 5, 6), (9, 8, 17)]


def make(shape, channels, kept, config=SETTINGS):
    lattice = Lattice.regular(shape)
    model = models.get_model("BlockDCT")(config, lattice, channels, kept)
    model.initialise(torch.Generator().manual_seed(0))
    return model, lattice


def random_values(shape, channels, seed=0):
    return np.random.default_rng(seed).random((*shape, channels))


def solved(values, kept, config=SETTINGS):
    """The codec's answer to [*shape, C] with so many coefficients."""
    model, lattice = make(values.shape[:-1], values.shape[-1], kept, config)
    assert model.solve(lattice, torch.from_numpy(values))
    return model.on_lattice(lattice).numpy()


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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_with_every_coefficient_nothing_is_lost(shape, channels):
    values = random_values(shape, channels)
    np.testing.assert_allclose(solved(values, 10**6), values, atol=1e-6)


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


# The contract of a codec, which Wavelet shares


@pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])
def test_an_index_and_a_value_count_as_one_each(name):
    cls, lattice = models.get_model(name), Lattice.regular((64, 64))
    config = model_settings(CONFIG, name, "image", 1000)
    assert cls.solve_size(config, lattice, 1, 1000) == cls.solve_size(config, lattice, 3, 1001) == 500
    model = cls(config, lattice, 3, 500)
    assert model.count_values() == 1000
    assert sum(value.numel() for value in model.state_dict().values()) == 1000
    assert cls.solve_size(config, lattice, 1, 2) == 1
    assert cls.solve_size(config, lattice, 1, 1) is None
    assert cls.solve_size(config, lattice, 1, 10**9) == 64 * 64
    assert cls.solve_size(config, lattice, 3, 10**9) == 3 * 64 * 64


@pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])
@pytest.mark.parametrize("shape", [(20, 12), (7, 5, 6)])
def test_the_state_alone_rebuilds_the_answer(name, shape):
    cls, lattice = models.get_model(name), Lattice.regular(shape)
    config = model_settings(CONFIG, name, "image", 1000)
    model, twin = cls(config, lattice, 3, 40), cls(config, lattice, 3, 40)
    model.solve(lattice, torch.rand(*shape, 3, generator=torch.Generator().manual_seed(0)))
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin.on_lattice(lattice), model.on_lattice(lattice))
    equal = Lattice.regular(shape)  # another object
    assert torch.equal(twin.on_lattice(equal), model.on_lattice(lattice))


@pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])
def test_another_lattice_is_refused(name):
    cls, lattice = models.get_model(name), Lattice.regular((20, 12))
    model = cls(model_settings(CONFIG, name, "image", 1000), lattice, 1, 40)
    model.initialise(torch.Generator())
    message = rf"^{name} has values on its training lattice of 20×12 samples alone, .* another one of "
    for other in (Lattice.regular((80, 48)), Lattice((lattice.axes[0] + 0.01, lattice.axes[1]))):
        with pytest.raises(ValueError, match=message):
            model.on_lattice(other)
        with pytest.raises(ValueError, match=message):
            model.solve(other, torch.zeros(*other.shape, 1))
    with pytest.raises(NotImplementedError, match=f"^{name} has no values at scattered points$"):
        model(torch.zeros(1, 2))


@pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])
def test_it_takes_tasks_on_the_signals_own_samples(name):
    cls = models.get_model(name)
    assert cls.unsupported(2, 3, Needs()) is cls.unsupported(3, 1, Needs()) is None
    assert "nowhere between" in cls.unsupported(2, 3, Needs(off_lattice=True))
    assert "observed one by one" in cls.unsupported(2, 1, Needs(pointwise=False))


@pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])
def test_before_it_is_solved_it_is_zero_and_reduced_precision_changes_nothing(name):
    cls, lattice = models.get_model(name), Lattice.regular((20, 12))
    model = cls(model_settings(CONFIG, name, "image", 1000), lattice, 3, 40)
    model.initialise(torch.Generator())
    assert (model.on_lattice(lattice) == 0).all()
    model.solve(lattice, torch.rand(20, 12, 3, generator=torch.Generator().manual_seed(0)))
    exact = model.on_lattice(lattice)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model.on_lattice(lattice), exact)
    assert exact.dtype == torch.float32


@pytest.mark.parametrize("block", ['{"2": 16}', '{"2": 16, "3": 0}', '{"2": 16, "3": 8, "4": 4}'])
def test_blocks_are_given_for_images_and_volumes(block):
    config = load_config(settings=[f"BlockDCT.block={block}"])
    with pytest.raises(UsageError, match=r"models\.BlockDCT\.block: must be at least 1 sample an axis for"):
        model_settings(config, "BlockDCT", "image", 10_000)


def test_another_block_is_another_transform():
    values = random_values((16, 32), 1)
    small = dataclasses.replace(SETTINGS, block={"2": 4, "3": 4})
    np.testing.assert_allclose(solved(values, 50, small), by_hand(values, 50, 4), atol=1e-5)


def test_blocks_far_longer_than_the_signal_are_refused():
    huge = dataclasses.replace(SETTINGS, block={"2": 60_000, "3": 60_000})
    for shape in ((13, 10), (7, 5, 6)):
        with pytest.raises(UsageError, match=r"^BlockDCT\.block: whole blocks of 60000 fill"):
            models.get_model("BlockDCT").solve_size(huge, Lattice.regular(shape), 1, 1000)
    whole = dataclasses.replace(SETTINGS, block={"2": 4100, "3": 8})
    assert models.get_model("BlockDCT").coefficients(whole, Lattice.regular((4000, 4099))) == 4100**2
