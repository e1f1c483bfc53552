"""GSplat: its initial values, its camera, its lattices and that it learns."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from common.lattice import Lattice
from models.budget import count
from models.gaussian_splats import GSplat

CONFIG = GSplat.Config(lr=5e-2, camera_distance=8.0, field_of_view=90.0, blur=0.3)


def built(shape=(24, 32), channels=1, size=40, seed=0):
    model = GSplat(CONFIG, Lattice.regular(shape), channels, size)
    model.initialise(torch.Generator().manual_seed(seed))
    return model


def one_gaussian(shape, mean, scale=1e-4):
    """A single opaque white Gaussian, so small that the projection's blur is all its extent."""
    model = built(shape, size=1)
    with torch.no_grad():
        model.means.copy_(torch.tensor([mean]))
        model.scales.fill_(scale)
        model.opacities.fill_(20.0)
        model.colours.fill_(20.0)
    return model


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("budget", [3_000, 10_000])
def test_the_size_fills_the_budget(channels, budget):
    lattice = Lattice.regular((32, 32))
    size = GSplat.solve_size(CONFIG, lattice, channels, budget)
    assert size == budget // (11 + channels)
    assert count(partial(GSplat, CONFIG, lattice, channels), size) == size * (11 + channels)


def test_initial_distributions():
    model = built(size=20_000, channels=3)
    assert model.means.min() >= -1
    assert model.means.max() <= 1
    assert model.means.mean().item() == pytest.approx(0, abs=0.02)
    for uniform in (model.scales, model.colours):
        assert uniform.min() >= 0
        assert uniform.max() <= 1
        assert uniform.mean().item() == pytest.approx(0.5, abs=0.01)
    assert (model.opacities == 1).all()
    torch.testing.assert_close(model.quats.norm(dim=1), torch.ones(20_000))
    second_moments = model.quats.T @ model.quats / 20_000  # I/4 on the unit sphere of four dimensions
    torch.testing.assert_close(second_moments, torch.eye(4) / 4, atol=0.01, rtol=0)


@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), (3.0, -2.0, 0.0), (-1.5, 2.5, 2.0)])
def test_where_the_camera_puts_a_point(mean):
    height, width = 48, 64
    image = one_gaussian((height, width), mean).on_lattice(Lattice.regular((height, width)))[..., 0]
    x, y, depth = mean[0], mean[1], mean[2] + 8
    total = image.sum()
    centre_x = (image.sum(0) * (torch.arange(width) + 0.5)).sum() / total
    centre_y = (image.sum(1) * (torch.arange(height) + 0.5)).sum() / total
    assert centre_x.item() == pytest.approx(32 * x / depth + 32, abs=0.05)
    assert centre_y.item() == pytest.approx(32 * y / depth + 24, abs=0.05)  # the same focal length


def test_a_pixel_in_closed_form():
    image = one_gaussian((5, 5), (0.0, 0.0, 0.0)).on_lattice(Lattice.regular((5, 5)))[..., 0]
    expected = 0.999 * torch.ones(())  # opacities are clamped
    torch.testing.assert_close(image[2, 2], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(image[2, 3], torch.tensor(math.exp(-0.5 / 0.3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(image[3, 3], torch.tensor(math.exp(-1 / 0.3)), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("shape", "channels"), [((24, 32), 3), ((17, 33), 1), ((1, 20), 1), ((20, 1), 3)])
def test_shapes(shape, channels):
    model = built(shape, channels)
    image = model.on_lattice(model.lattice)
    assert image.shape == (*shape, channels)
    assert model.heads_on_lattice(model.lattice).shape == (1, *shape, channels)
    assert image.isfinite().all()


def test_training_samples_are_pixel_centres():
    model = built((12, 35))
    rows, columns = model.constants(model.lattice)
    assert torch.equal(rows, torch.arange(12) + 0.5)
    assert torch.equal(columns, torch.arange(35) + 0.5)


def test_the_centre_aligned_finer_lattice_is_the_larger_render():
    model = built((12, 20), size=30)
    fine = (48, 80)
    aligned = Lattice(
        tuple(-1 + (2 * np.arange(n) + 1) / n - 1 / coarse for n, coarse in zip(fine, (12, 20), strict=True))
    )
    larger = GSplat(CONFIG, Lattice.regular(fine), 1, 30)
    larger.load_state_dict(model.state_dict())
    torch.testing.assert_close(model.on_lattice(aligned), larger.on_lattice(larger.lattice))


def test_the_finer_lattice_from_the_first_sample_on_is_shifted():
    model = built((12, 20))
    rows, columns = model.constants(Lattice.regular((48, 80)))
    torch.testing.assert_close(rows, torch.arange(48) + 2.0)  # half a coarse pixel, not half a fine one
    torch.testing.assert_close(columns, torch.arange(80) + 2.0)


def test_it_learns():
    model = built((32, 32), channels=3, size=60)
    target = torch.zeros(32, 32, 3)
    target[8:20, 10:26, 0] = 1.0
    target[14:28, 4:12, 2] = 0.5
    optimiser = torch.optim.Adam(model.parameters(), lr=CONFIG.lr)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = ((model.on_lattice(model.lattice) - target) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 * losses[0]
