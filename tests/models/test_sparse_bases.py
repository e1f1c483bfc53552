"""SparseBases: what it counts, where it starts, which coefficients it chooses, and what it is between its samples."""

import functools

import pytest
import torch
import torch.nn.functional as F

from common.lattice import Lattice
from models.budget import count
from models.lifting import level_shapes
from models.sparse_bases import SparseBases
from tests.building import build, settings_of

SETTINGS = settings_of("SparseBases")
SHAPES = [(40, 50), (14, 12, 16), (2, 40, 50)]


def built(shape, size=400, channels=2):
    return build("SparseBases", shape, channels, size=size)


def texture(shape, channels=2):
    """A box, and a wave within it."""
    axes = torch.meshgrid(*(torch.arange(n) / n for n in shape), indexing="ij")
    target = sum(torch.sin(40 * axis) for axis in axes)[..., None].repeat(*[1] * len(shape), channels)
    inside = torch.stack([(axis > 0.25) & (axis < 0.75) for axis in axes]).all(0)
    return torch.where(inside[..., None], target, 0.0) * torch.linspace(1, 2, channels)


def missing(model, target):
    with torch.no_grad():
        return target - model.on_lattice(model.lattice)


def test_everything_that_depends_on_the_target_is_stored_and_counted():
    model = built((40, 50))
    assert model.count_values() == sum(value.numel() for value in model.state_dict().values())
    assert all(value.element_size() == 4 for value in model.state_dict().values())
    target = texture((40, 50))
    model.initialise_from(model.lattice, target, torch.Generator())
    other = built((40, 50))
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(missing(other, target), missing(model, target))


@pytest.mark.parametrize("shape", [(64, 64), (2, 64, 64)])
def test_a_value_is_about_the_amplitude_of_its_function(shape):
    """So that one learning rate serves coarse and fine ones."""
    model = built(shape, channels=1)
    basis = model.total // 3
    cosines = (basis + 200, 2 * basis + 200) if min(shape) > 2 else ()  # whose blocks are then cut short
    for index in (0, 40, 64 * 40 + 40, *cosines):
        single = torch.zeros(model.total)
        single[index] = 1.0
        with torch.no_grad():
            largest = model._samples(single.view(3, 1, *shape) * model._gains()).abs().max()
        assert 0.4 < largest < 2.5


def test_an_index_costs_a_part_of_a_value():
    construct = functools.partial(SparseBases, SETTINGS, Lattice.regular((1000, 1000)), 1)
    assert 8_000 < count(construct, 8_000) - 1 < 1.4 * 8_000


@pytest.mark.parametrize("shape", SHAPES)
def test_unseen_values_start_as_the_coarsest_wavelets(shape):
    channels, levels = 2, built(shape).levels
    coarse = level_shapes(shape, levels)[levels - 1]
    size = channels * torch.tensor(coarse).prod().item()
    model = built(shape, size)
    expected = torch.zeros(len(SETTINGS.blocks) + 1, channels, *shape)
    expected[(0, slice(None), *map(slice, coarse))] = 1
    assert torch.equal(model.indices, expected.flatten().nonzero().flatten())
    assert model.values.std().item() == pytest.approx(1e-3, rel=4 / size**0.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_rounds_choose_more_and_more_and_leave_less_and_less(shape):
    model, target, rng = built(shape, 300), texture(shape), torch.Generator()
    addresses = [value.data_ptr() for value in (model.values, model.indices, model.packed)]
    model.initialise_from(model.lattice, target, rng)
    chosen, errors = [], []
    for step in range(1, 100):
        model.rearrange(step, 100, functools.partial(missing, model, target), rng)
        chosen.append(int((model.indices < model.total).sum()))
        errors.append(missing(model, target).square().mean().item())
        assert not model.values[chosen[-1] :].any()
        assert (model.indices.diff() > 0)[: chosen[-1] - 1].all(), "none is chosen twice"
    assert chosen[0] == 30
    assert chosen[29] == 165
    assert chosen[59:] == [300] * 40
    assert errors[59] < errors[29] < errors[0]
    assert [value.data_ptr() for value in (model.values, model.indices, model.packed)] == addresses
    bases = set((model.indices // (model.total // 3)).tolist())
    assert bases == {0, 1, 2}


def test_the_residual_is_asked_for_where_it_is_needed_alone():
    model = built((20, 20))

    def never():
        raise AssertionError

    for step in (1, 2, 4, 61, 99):
        model.rearrange(step, 100, never, torch.Generator())


def test_channels_are_mixed_as_their_principal_components():
    """Of how they vary, whatever their means."""
    model, target = built((20, 20)), texture((20, 20)) + torch.tensor([3.0, -1.0])
    model.initialise_from(model.lattice, target, torch.Generator())
    torch.testing.assert_close(model.mixing[0].abs(), torch.tensor([1.0, 2.0]) / 5**0.5)
    torch.testing.assert_close(model.mixing @ model.mixing.T, torch.eye(2))


@pytest.mark.parametrize("shape", SHAPES)
def test_between_samples_it_is_interpolated(shape):
    model = built(shape)
    with torch.no_grad():
        samples = model.on_lattice(model.lattice)
        again = model.on_lattice(Lattice.regular(shape))  # another one, at the same places
        finer = model.on_lattice(Lattice.regular(tuple(2 * n for n in shape)))
    torch.testing.assert_close(again, samples, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(finer[tuple(slice(None, None, 2) for _ in shape)], samples, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(20, 25), (7, 6, 8)])
def test_interpolation_is_pytorchs_cubic_of_images_and_linear_of_volumes(shape):
    model = built(shape)
    lattice = Lattice(tuple(torch.linspace(-0.9, 0.7, 9 + k).double().numpy() for k in range(len(shape))))
    with torch.no_grad():
        samples, found = model.on_lattice(model.lattice), model.on_lattice(lattice)
    # sample i of n sits at -1 + 2 i / n, and for PyTorch at -1 + 2 i / (n - 1)
    at = torch.stack([(points + 1) * n / (n - 1) - 1 for points, n in zip(lattice.points("cpu").T, shape, strict=True)])
    at = at.flip(0).T.reshape(1, *lattice.shape, len(shape))  # the last axis first
    mode = "bicubic" if len(shape) == 2 else "bilinear"
    expected = F.grid_sample(samples.movedim(-1, 0)[None], at, mode=mode, padding_mode="border", align_corners=True)
    torch.testing.assert_close(found, expected[0].movedim(0, -1), atol=1e-5, rtol=1e-4)


def test_a_signal_of_few_coefficients_is_found():
    """A wave of the cosines' own and a wavelet: two coefficients, where either basis alone needs many."""
    model = built((64, 64), size=40, channels=1)
    coefficients = torch.zeros(3, 1, 64, 64)
    coefficients[0, 0, 40, 3], coefficients[2, 0, 40, 50] = 5.0, 5.0
    target = model._samples(coefficients).movedim(0, -1).detach()
    model.initialise_from(model.lattice, target, torch.Generator())
    for step in range(1, 100):
        model.rearrange(step, 100, functools.partial(missing, model, target), torch.Generator())
    assert missing(model, target).square().mean() < 1e-3 * target.square().mean()


def test_a_budget_beyond_all_coefficients_takes_them_all():
    lattice = Lattice.regular((6, 5))
    assert SparseBases.solve_size(SETTINGS, lattice, 2, 10_000) == 3 * 2 * 30
    assert SparseBases.solve_size(SETTINGS, lattice, 2, 100) < 100
    enough = count(functools.partial(SparseBases, SETTINGS, lattice, 2), 180)
    assert SparseBases.solve_size(SETTINGS, lattice, 2, enough) == 180
    assert SparseBases.solve_size(SETTINGS, lattice, 2, enough - 1) < 180
