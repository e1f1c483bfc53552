"""Grid and Grid_TV against naive loops, and λ against the table of docs/protocol.md, "Models"."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator

from tests.building import build, settings_of

BUDGETS = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000]
LAMBDA = {  # by data; "volumes" are tuned as the synthetic signals are
    "synthetic": [0.001, 0.001, 0.01, 0.1, 0.1, 0.1],
    "volume": [0.001, 0.001, 0.01, 0.1, 0.1, 0.1],
    "image": [0.01, 0.01, 0.05, 0.1, 0.1, 1],
    "ct": [5, 10, 10, 10, 100, 100],
}


def make(name, dim, channels, nodes):
    model = build(name, (9, 14) if dim == 2 else (5, 8, 6), channels, size=nodes, kind="image")
    return model, model.lattice


def fill(model, seed=0, scale=1.0):
    values = scale * np.random.default_rng(seed).normal(size=model.values.shape)
    with torch.no_grad():
        model.values.copy_(torch.from_numpy(values))
    return model.values.detach().double().numpy()


@pytest.mark.parametrize("name", ["Grid", "Grid_TV"])
@pytest.mark.parametrize(("dim", "channels", "nodes"), [(2, 1, 2), (2, 3, 10), (3, 1, 7), (3, 3, 4)])
def test_every_node_starts_at_a_tenth_and_all_are_counted(name, dim, channels, nodes):
    model, lattice = make(name, dim, channels, nodes)
    assert model.count_values() == channels * nodes**dim
    assert sum(p.numel() for p in model.parameters()) == channels * nodes**dim
    assert (model.values == 0.1).all()
    np.testing.assert_allclose(model.on_lattice(lattice).detach(), 0.1, atol=1e-6)


def test_a_volume_is_interpolated_linearly_and_channels_stay_apart():
    model, lattice = make("Grid", 3, 3, 4)
    values = fill(model)
    nodes = (np.linspace(-1, 1, 4),) * 3
    points = np.stack(np.meshgrid(*lattice.axes, indexing="ij"), -1)
    expected = np.stack([RegularGridInterpolator(nodes, values[c])(points) for c in range(3)], -1)
    np.testing.assert_allclose(model.on_lattice(lattice).detach(), expected, atol=1e-5)  # values up to 4, 8 terms


def test_an_image_is_interpolated_bicubically_and_channels_stay_apart():
    model, lattice = make("Grid", 2, 3, 6)
    values = fill(model)
    with torch.no_grad():
        y, x = torch.meshgrid(*map(torch.from_numpy, lattice.axes), indexing="ij")
        expected = torch.nn.functional.grid_sample(
            torch.from_numpy(values)[None],
            torch.stack([x, y], -1)[None],  # grid_sample names the last axis first
            mode="bicubic",
            padding_mode="border",
            align_corners=True,
        )[0]
    np.testing.assert_allclose(model.on_lattice(lattice).detach(), expected.movedim(0, -1), atol=1e-5)


@pytest.mark.parametrize("dim", [2, 3])
def test_coordinate_k_runs_along_node_axis_k(dim):
    for axis in range(dim):
        model, lattice = make("Grid", dim, 1, 5)
        shape = [1] * (dim + 1)
        shape[axis + 1] = 5
        with torch.no_grad():
            model.values.copy_(torch.arange(5.0).reshape(shape).expand_as(model.values))
        picture = model.on_lattice(lattice).detach().numpy()[..., 0]
        for other in range(dim):
            change = np.abs(np.diff(picture, axis=other)).max()
            assert change > 0.1 if other == axis else change < 1e-5


def naive_tv(values, floor=1e-6):
    """Node by node: those with a forward neighbour along every axis, averaged with the channels."""
    channels, *nodes = values.shape
    norms = []
    for c in range(channels):
        for node in itertools.product(*(range(n - 1) for n in nodes)):
            squares = 0.0
            for k in range(len(nodes)):
                neighbour = tuple(i + (axis == k) for axis, i in enumerate(node))
                squares += (values[(c, *neighbour)] - values[(c, *node)]) ** 2
            norms.append(math.sqrt(max(squares, floor)))
    return sum(norms) / len(norms)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dim", "nodes"), [(2, 2), (2, 9), (3, 2), (3, 5)])
@pytest.mark.parametrize("scale", [1.0, 3e-4])  # with the second some nodes are under the floor, some above
def test_penalty_is_lambda_times_the_mean_gradient(dim, nodes, channels, scale):
    model, _ = make("Grid_TV", dim, channels, nodes)
    values = fill(model, scale=scale)
    # float32 differences of values up to 4: relative 1e-6
    assert model.penalty().item() == pytest.approx(0.01 * naive_tv(values), rel=1e-5)


@pytest.mark.parametrize("dim", [2, 3])
def test_penalty_of_a_flat_grid_is_its_floor_and_of_a_ramp_its_slope(dim):
    model, _ = make("Grid_TV", dim, 1, 6)
    assert model.penalty().item() == pytest.approx(0.01 * 1e-3, rel=1e-6)
    slopes = np.array([0.3, -0.4, 1.2])[:dim]
    ramp = np.tensordot(slopes, np.indices((6,) * dim), axes=1)
    with torch.no_grad():
        model.values.copy_(torch.from_numpy(ramp)[None])
    assert model.penalty().item() == pytest.approx(0.01 * np.linalg.norm(slopes), rel=1e-5)


@pytest.mark.parametrize("dim", [2, 3])
def test_penaltys_gradient_against_finite_differences(dim):
    model, _ = make("Grid_TV", dim, 2, 3)
    model.double()
    fill(model)

    def penalty(values):
        return torch.func.functional_call(_Penalty(model), {"model.values": values}, ())

    assert torch.autograd.gradcheck(penalty, model.values.detach().clone().requires_grad_())


class _Penalty(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self):
        return self.model.penalty()


def test_a_flat_grid_is_not_pushed_by_the_penalty():
    model, _ = make("Grid_TV", 2, 1, 5)
    model.penalty().backward()
    assert (model.values.grad == 0).all()


def test_a_plain_grid_has_no_penalty():
    model, _ = make("Grid", 2, 1, 5)
    fill(model)
    assert model.penalty() == 0


@pytest.mark.parametrize("kind", LAMBDA)
@pytest.mark.parametrize("i", range(6))
def test_lambda_is_specs_table(kind, i):
    settings = settings_of("Grid_TV", kind, BUDGETS[i])
    assert settings.tv_weight == LAMBDA[kind][i]
    assert (settings.tv_floor, settings.lr, settings.initial) == (1e-6, 0.1, 0.1)


@pytest.mark.parametrize("kind", LAMBDA)
def test_lambda_between_budgets_is_interpolated_log_log(kind):
    for size in (12_345, 17_321, 54_772, 173_205, 547_723, 1_732_051, 2_999_999):
        given = settings_of("Grid_TV", kind, size).tv_weight
        expected = 10 ** np.interp(np.log10(size), np.log10(BUDGETS), np.log10(LAMBDA[kind]))
        assert given == pytest.approx(expected, rel=1e-9), size


@pytest.mark.parametrize("kind", LAMBDA)
def test_lambda_beyond_the_table_is_its_end_value(kind):
    assert settings_of("Grid_TV", kind, 3000).tv_weight == LAMBDA[kind][0]
    assert settings_of("Grid_TV", kind, 10**8).tv_weight == LAMBDA[kind][-1]
