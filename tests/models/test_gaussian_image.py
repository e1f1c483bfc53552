"""GaussianImage: what it stores, where it starts, its lattices, and that it learns."""

import math

import pytest
import torch

from common.lattice import Lattice
from models.gaussian_image import GaussianImage, _inverse

CONFIG = GaussianImage.Config(lr=2e-2, spacing=2.4, stride=50.0)


def built(shape=(24, 32), channels=1, size=40, seed=0, **changed):
    config = GaussianImage.Config(**{**vars(CONFIG), **changed})
    model = GaussianImage(config, Lattice.regular(shape), channels, size)
    model.initialise(torch.Generator().manual_seed(seed))
    return model


@pytest.mark.parametrize(("dim", "channels", "values"), [(2, 3, 8), (2, 1, 6), (3, 1, 10), (3, 3, 12)])
def test_values_of_a_gaussian(dim, channels, values):
    lattice = Lattice.regular((32,) * dim)
    assert GaussianImage.solve_size(CONFIG, lattice, channels, 1000) == 1000 // values
    assert GaussianImage(CONFIG, lattice, channels, 7).count_values() == 7 * values


@pytest.mark.parametrize("shape", [(60, 90), (20, 30, 25)])
def test_the_start_is_uniform_over_the_signal(shape):
    model = built(shape, size=20_000)
    means = model.means().detach()
    for k, n in enumerate(shape):
        assert -0.5 <= means[:, k].min() < 0.01 * n - 0.5
        assert 0.99 * n - 0.5 < means[:, k].max() <= n - 0.5
        assert means[:, k].std().item() == pytest.approx(n / math.sqrt(12), rel=0.02)


def test_factors_and_colours_start_uniformly_from_0_to_1():
    model = built(channels=3, size=20_000)
    for values in (model.cholesky.detach(), model.colours.detach()):
        assert 0 <= values.min() < 0.001
        assert 0.999 < values.max() <= 1
        assert values.std(dim=0) == pytest.approx(1 / math.sqrt(12), rel=0.02)


@pytest.mark.parametrize(("shape", "size"), [((256, 256), 700), ((256, 256), 7000), ((40, 40, 40), 800)])
def test_the_start_is_about_as_bright_whatever_the_budget(shape, size):
    with torch.no_grad():
        values = built(shape, size=size).on_lattice(Lattice.regular(shape))
    assert 0.3 < values.mean() < 0.9
    assert values.std() < 0.6


def test_units_are_the_papers_at_its_own_density():
    """70,000 Gaussians on a photograph of 768×512 samples start with L in units of one sample."""
    assert GaussianImage(CONFIG, Lattice.regular((512, 768)), 3, 70_000).unit == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("stride", [10.0, 50.0])
@pytest.mark.parametrize("shape", [(24, 32), (9, 8, 7)])
def test_a_mean_in_the_middle_moves_by_its_stride_along_every_axis(shape, stride):
    model = built(shape, stride=stride)
    with torch.no_grad():
        model.positions.zero_()
        middle = model.means()
        model.positions += 1e-3
        moved = (model.means() - middle) / model.unit
    torch.testing.assert_close(middle, torch.tensor([(n - 1) / 2 for n in shape]).expand_as(middle))
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3 * stride), rtol=1e-3, atol=0)


@pytest.mark.parametrize("shape", [(24, 32), (9, 8, 7)])
def test_factors_are_lower_triangular_and_never_singular(shape):
    model = built(shape)
    with torch.no_grad():
        model.cholesky[0] = -0.5
        model.cholesky[0, 0] = -3.0
    lower = model.factors()
    assert torch.equal(lower, lower.tril())
    assert lower.diagonal(dim1=1, dim2=2).min().item() == pytest.approx(0.1)  # samples
    torch.testing.assert_close(_inverse(lower) @ lower, torch.eye(len(shape)).expand_as(lower), atol=1e-4, rtol=0)


def test_one_gaussian_in_closed_form():
    model = built((20, 30), channels=2, size=1)
    with torch.no_grad():
        model.positions.zero_()
        model.cholesky.copy_(torch.tensor([[1.0, 0.5, 2.0]]) / model.unit - torch.tensor([[0.5, 0.0, 0.5]]))
        model.colours.copy_(torch.tensor([[2.0, -1.0]]))
    lower = torch.tensor([[math.hypot(1.0, 0.1), 0.0], [0.5, math.hypot(2.0, 0.1)]])
    offset = torch.tensor([10.0, 16.0]) - torch.tensor([9.5, 14.5])  # the middle lies between two samples
    weight = torch.exp(-0.5 * (torch.linalg.inv(lower) @ offset).square().sum())
    found = model.on_lattice(model.lattice)[10, 16]
    torch.testing.assert_close(found, weight * torch.tensor([2.0, -1.0]), rtol=1e-4, atol=1e-6)


def test_a_finer_lattice_shows_the_same_gaussians():
    """Every fourth sample of a lattice that is four times finer, from the first on, is one of the training's."""
    model = built((12, 20), size=30)
    with torch.no_grad():
        fine = model.on_lattice(Lattice.regular((48, 80)))
        torch.testing.assert_close(fine[::4, ::4], model.on_lattice(model.lattice), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(24, 24), (10, 10, 10)])
def test_it_learns(shape):
    model = built(shape, size=60)
    target = torch.zeros(*shape, 1)
    target[tuple(slice(n // 4, n // 2) for n in shape)] = 1.0
    optimiser = torch.optim.Adam(model.parameters(), lr=CONFIG.lr)
    losses = []
    for _ in range(120):
        optimiser.zero_grad()
        loss = (model.on_lattice(model.lattice) - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
