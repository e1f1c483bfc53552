"""Operations a sample, against counts by hand from the models' formulas."""

import numpy as np
import pytest
import torch
from torch import nn

import models
from common.lattice import Lattice
from common.needs import Needs
from harness.train.operations import operations_a_sample
from models.base import Representation
from tests import building


def build(name, dim=2, channels=3, size=None):
    return building.build(name, (24, 20, 12)[:dim], channels, size=size, kind="image")


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("width", [16, 40])
def test_a_siren_costs_its_products_and_sines(dim, width):
    """d products and d sums a unit of the first layer, w² multiply-adds for each of three hidden layers, a sine a unit,
    and C outputs, each scaled by ω before its sine."""
    first, hidden, output = 2 * dim * width, 3 * 2 * width**2, 2 * width * 3
    assert operations_a_sample(build("Siren", dim, 3, width)) == first + hidden + output + 4 * width + 2 * 3


@pytest.mark.parametrize(("dim", "nodes_read"), [(2, 16), (3, 8)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_costs_the_nodes_that_it_reads(dim, nodes_read, channels):
    """A multiply-add for each node of the cubic or linear interpolation, whatever the number of nodes."""
    for size in (5, 9):
        assert operations_a_sample(build("Grid", dim, channels, size)) == 2 * nodes_read * channels


@pytest.mark.parametrize("features", [8, 16])
def test_ga_planes_cost_the_nodes_that_they_read_and_the_decoder(features):
    """Features of two or three lines of two nodes, of planes of four and of a volume of eight, their products and sums,
    and the decoder."""
    decoder = 2 * features**2 + features + 2 * features * 3
    flat = 2 * features * (2 + 2 + 4) + 2 * features
    assert operations_a_sample(build("GAPlane", 2, 3, 24 * features)) == flat + decoder
    solid = 2 * features * (3 * 2 + 3 * 4 + 8) + features * (2 + 2 + 2 + 2)
    assert operations_a_sample(build("GAPlane", 3, 3, 24 * features)) == solid + decoder


def test_gaussians_cost_what_they_cover():
    """More where Gaussians are wider, at least a product and a sum a channel for each sample that one covers."""
    model = build("GaussianImage", size=40)
    found = []
    for width in (1.0, 3.0):
        with torch.no_grad():
            model.cholesky.copy_(torch.tensor([width - 0.5, 0.0, width - 0.5]) / model.unit)
        with torch.no_grad():
            one = torch.cdist(model.means(), torch.cartesian_prod(torch.arange(24.0), torch.arange(20.0)))
        covered = (one < 2 * width).sum().item()
        found.append(operations_a_sample(model))
        assert 2 * 3 * covered / 480 < found[-1] < 40 * 100
    assert found[1] > 1.5 * found[0]


@pytest.mark.parametrize("name", models.registry.names())
@pytest.mark.parametrize("dim", [2, 3])
def test_every_model_has_a_count(name, dim):
    if models.get_model(name).unsupported(dim, 3, Needs()) is not None:
        pytest.skip("unsupported")
    model = build(name, dim)
    found = operations_a_sample(model)
    assert found is not None
    assert 10 < found < 100_000
    assert found == operations_a_sample(model)


class Newcomer(Representation):
    """Somebody's model: Σ aᵢ cos(kᵢ·x) over four waves, and once an offset for all samples."""

    name = "Newcomer"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.waves, self.sizes = nn.Parameter(torch.ones(4, 2)), nn.Parameter(torch.ones(4, 1))

    def forward(self, x):
        offset = self.waves.square().sum()
        return torch.cos(x @ self.waves.T) @ self.sizes + offset


class Elsewhere(Newcomer):
    name = "Elsewhere"

    def forward(self, x):
        return torch.as_tensor(np.cos(x.numpy()))


def test_a_newcomers_model_needs_nothing_for_it():
    lattice = Lattice.regular((8, 8))
    assert operations_a_sample(Newcomer(Newcomer.Config(), lattice, 1, 1)) == 2 * 2 * 4 + 4 + 2 * 4 + 1
    assert operations_a_sample(Elsewhere(Newcomer.Config(), lattice, 1, 1)) is None
