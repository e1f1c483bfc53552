"""Grid_exact against least squares with the whole design matrix, and against perturbations of its answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from common.errors import UsageError
from common.needs import Needs
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings
from target_signals import Lattice
from tests.building import build

SHAPES = {2: (13, 10), 3: (7, 5, 6)}  # uneven on purpose
CASES = [(2, 2), (2, 5), (2, 9), (2, 10), (2, 11), (2, 16), (3, 2), (3, 4), (3, 5), (3, 6), (3, 9)]


def make(dim, channels, nodes, shape=None):
    model = build("Grid_exact", shape or SHAPES[dim], channels, size=nodes)
    return model, model.lattice


def random_target(lattice, channels, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random((*lattice.shape, channels)))


def design_matrix(model, lattice):
    """Column j: what the grid shows when node j is 1 and all others are 0, [samples, nodes]; from `forward`."""
    grid = build("Grid", lattice, size=model.size).double()
    points, columns = lattice.points("cpu").double(), []
    for node in torch.eye(model.size**lattice.dim, dtype=torch.float64):
        grid.values.data = node.reshape(grid.values.shape)
        columns.append(grid(points).detach().numpy()[:, 0])
    return np.stack(columns, axis=1)


def answer(model, lattice):
    return model.on_lattice(lattice).detach().double().numpy()


def error(model, lattice, target):
    return np.square(answer(model, lattice) - target.numpy()).mean()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dim", "nodes"), CASES)
def test_is_least_squares_with_the_whole_design_matrix(dim, nodes, channels):
    """Of fewer, as many and more nodes than samples; where several grids do, NumPy's is the one of least norm."""
    model, lattice = make(dim, channels, nodes)
    target = random_target(lattice, channels)
    assert model.solve(lattice, target.float())
    matrix = design_matrix(model, lattice)
    expected, _, _, singular = np.linalg.lstsq(matrix, target.numpy().reshape(-1, channels), rcond=1e-6)
    kept = singular[singular > 1e-6 * singular[0]]
    # nodes are float32, and so is the matrix: an error of 1e-7 grows as the least singular value demands
    tolerance = 1e-5 + 1e-6 * kept[0] / kept[-1] * np.abs(expected).max()
    found = model.values.detach().double().numpy().reshape(channels, -1).T
    np.testing.assert_allclose(found, expected, atol=tolerance)
    np.testing.assert_allclose(answer(model, lattice).reshape(-1, channels), matrix @ expected, atol=2e-4)


@pytest.mark.parametrize(("dim", "nodes"), [(2, 5), (2, 8), (3, 3), (3, 4)])
def test_no_change_of_a_node_helps(dim, nodes):
    model, lattice = make(dim, 2, nodes)
    target = random_target(lattice, 2)
    model.solve(lattice, target)
    ((model.on_lattice(lattice) - target) ** 2).mean().backward()
    assert model.values.grad.abs().max() < 1e-6
    least, rng = error(model, lattice, target), np.random.default_rng(1)
    for _ in range(20):
        step = torch.from_numpy(rng.normal(size=model.values.shape).astype(np.float32))
        model.values.data += 1e-2 * step
        assert error(model, lattice, target) > least
        model.values.data -= 1e-2 * step


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("nodes", [2, 3, 6, 20])
def test_a_constant_is_met(dim, nodes):
    model, lattice = make(dim, 3, nodes)
    target = torch.tensor([0.0, 0.25, 1.0]).expand(*lattice.shape, 3)
    model.solve(lattice, target)
    np.testing.assert_allclose(answer(model, lattice), target, atol=1e-5)


@pytest.mark.parametrize(("dim", "nodes"), [(2, 14), (2, 30), (3, 8), (3, 12)])
def test_with_a_node_for_every_sample_nothing_is_lost(dim, nodes):
    """A sample more than the samples has a node at each of them; more nodes do as well."""
    model, lattice = make(dim, 1, nodes)
    target = random_target(lattice, 1)
    model.solve(lattice, target)
    assert error(model, lattice, target) < 1e-10


@pytest.mark.parametrize(("dim", "length"), [(2, 64), (3, 24)])
def test_nearly_as_many_nodes_as_samples_stay_within_bounds(dim, length):
    """There the interpolation is almost singular: nodes of 1e15 would lose everything in float32."""
    target = random_target(Lattice.regular((length,) * dim), 1)
    errors = []
    for nodes in range(length - 8, length + 2):
        model, lattice = make(dim, 1, nodes, (length,) * dim)
        model.solve(lattice, target)
        errors.append(error(model, lattice, target))
    assert all(e < 0.08 for e in errors), "a uniform variable has a variance of 0.083"
    assert errors[-1] < 1e-10


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_a_finer_grid_that_holds_the_coarser_ones_nodes_is_never_worse(cells, seed):
    """Linear interpolation between n + 1 nodes is one between 2n + 1 nodes, so least squares can only gain."""
    errors = []
    for nodes in (cells + 1, 2 * cells + 1, 4 * cells + 1):
        model, lattice = make(3, 1, nodes)
        target = random_target(lattice, 1, seed)
        model.solve(lattice, target)
        errors.append(error(model, lattice, target))
    assert errors[1] <= errors[0] + 1e-9
    assert errors[2] <= errors[1] + 1e-9


def test_never_worse_than_a_trained_grid():
    exact, lattice = make(2, 1, 7, (24, 24))
    y, x = np.meshgrid(*lattice.axes, indexing="ij")
    target = torch.from_numpy(0.5 + 0.3 * np.sin(4 * x + 1) * np.cos(5 * y))[..., None]
    exact.solve(lattice, target)
    grid = build("Grid", lattice, size=7)
    optimiser = torch.optim.LBFGS(grid.parameters(), max_iter=200, tolerance_grad=1e-8, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = ((grid.on_lattice(lattice) - target) ** 2).mean()
        value.backward()
        return value

    optimiser.step(loss)
    assert error(exact, lattice, target) <= error(grid, lattice, target) + 1e-9
    np.testing.assert_allclose(exact.values.detach(), grid.values.detach(), atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (1, 2, 5)])
def test_the_smallest_signals(shape):
    model, lattice = make(len(shape), 2, 10, shape)
    target = random_target(lattice, 2)
    model.solve(lattice, target)
    assert error(model, lattice, target) < 1e-10


def test_it_is_a_grid_at_other_lattices_and_points():
    model, lattice = make(2, 3, 6)
    model.solve(lattice, random_target(lattice, 3))
    grid = build("Grid", lattice, 3, size=6)
    grid.load_state_dict(model.state_dict())
    finer = Lattice.regular((52, 40))
    torch.testing.assert_close(model.on_lattice(finer), grid.on_lattice(finer))
    torch.testing.assert_close(model(finer.points("cpu")), grid(finer.points("cpu")))


def test_it_takes_every_task_that_observes_all_samples():
    cls = models.get_model("Grid_exact")
    for needs in (Needs(), Needs(off_lattice=True)):
        assert cls.unsupported(2, 3, needs) is cls.unsupported(3, 1, needs) is None
    assert "observed one by one" in cls.unsupported(2, 1, Needs(pointwise=False))


@pytest.mark.parametrize("value", ["0", "1", "-1e-6"])
def test_the_share_is_a_share(value):
    config = load_config(settings=[f"Grid_exact.rtol={value}"])
    with pytest.raises(UsageError, match=r"models\.Grid_exact\.rtol: must be between 0 and 1, got"):
        model_settings(config, "Grid_exact", "image", 10_000)
