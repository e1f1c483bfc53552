"""Interpolation matrices and samplers against scipy, numpy, torch in float64 and Keys' kernel written out.

Tolerances: node values lie in [-1, 1] and the weights are float32, so a sum of at most 4³ terms is
good to about 1e-6. At scattered points the position itself is float32: with m nodes it is off by up
to m·6e-8 nodes, and the interpolant changes by at most about 3 a node.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import map_coordinates

from models.kernels import interpolation
from models.kernels.interpolation import at_points, axis_matrix, on_lattice, pick
from target_signals import Lattice

CPU = torch.device("cpu")
LATTICE_ATOL, POINTS_ATOL = 3e-6, 3e-5
ORDERS = st.sampled_from(["linear", "cubic"])
COORDINATES = st.floats(-1, 1, width=32)


def keys(t, a=-0.75):
    """Keys 1981, eq. 15 for any a, as a function of the distance in nodes."""
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def hat(t):
    return np.maximum(0, 1 - np.abs(t))


def dense_rows(axis, nodes, kernel):
    """Every kernel at every node of a line that goes on with its end values (border padding)."""
    position = (np.asarray(axis)[:, None] + 1) / 2 * (nodes - 1)
    padded = kernel(position - np.arange(-3, nodes + 3))  # [n, nodes + 6]
    rows = padded[:, 3 : nodes + 3].copy()
    rows[:, 0] += padded[:, :3].sum(1)
    rows[:, -1] += padded[:, nodes + 3 :].sum(1)
    return rows


def random_values(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


@given(st.lists(COORDINATES, min_size=1, max_size=20), st.integers(1, 60), ORDERS)
def test_rows_sum_to_one_and_equal_the_kernel_at_every_node(axis, nodes, order):
    matrix = axis_matrix(np.array(axis, dtype=float), nodes, order, CPU)
    assert matrix.shape == (len(axis), nodes)
    assert matrix.dtype == torch.float32
    np.testing.assert_allclose(matrix.double().sum(1), 1, atol=1e-6)
    kernel = keys if order == "cubic" else hat
    np.testing.assert_allclose(matrix, dense_rows(axis, nodes, kernel), atol=1e-6)


@pytest.mark.parametrize("order", ["linear", "cubic"])
@pytest.mark.parametrize("nodes", [2, 3, 17, 100])
def test_nodes_are_reproduced_at_nodes(order, nodes):
    matrix = axis_matrix(np.linspace(-1, 1, nodes), nodes, order, CPU)
    np.testing.assert_allclose(matrix, np.eye(nodes), atol=1e-6)


@given(st.lists(COORDINATES, min_size=1, max_size=9), st.lists(COORDINATES, min_size=1, max_size=9), st.data(), ORDERS)
def test_on_lattice_equals_grid_sample_in_2d(rows, columns, data, order):
    nodes = data.draw(st.tuples(st.integers(2, 40), st.integers(2, 40)))
    values = torch.from_numpy(random_values(2, *nodes))
    y, x = torch.meshgrid(*(torch.tensor(a, dtype=torch.float64) for a in (rows, columns)), indexing="ij")
    mode = {"linear": "bilinear", "cubic": "bicubic"}[order]
    expected = F.grid_sample(
        values[None], torch.stack([x, y], -1)[None], mode=mode, padding_mode="border", align_corners=True
    )[0]
    matrices = tuple(axis_matrix(np.array(a), m, order, CPU) for a, m in zip((rows, columns), nodes, strict=True))
    np.testing.assert_allclose(on_lattice(values.float(), matrices), expected, atol=LATTICE_ATOL)


@given(st.tuples(*[st.integers(2, 12)] * 3), st.tuples(*[st.integers(1, 7)] * 3))
@settings(max_examples=40)
def test_on_lattice_equals_grid_sample_in_3d(nodes, shape):
    values = torch.from_numpy(random_values(2, *nodes))
    axes = Lattice.regular(shape).axes
    z, y, x = torch.meshgrid(*map(torch.from_numpy, axes), indexing="ij")
    expected = F.grid_sample(
        values[None], torch.stack([x, y, z], -1)[None], mode="bilinear", padding_mode="border", align_corners=True
    )[0]
    matrices = tuple(axis_matrix(a, m, "linear", CPU) for a, m in zip(axes, nodes, strict=True))
    np.testing.assert_allclose(on_lattice(values.float(), matrices), expected, atol=LATTICE_ATOL)


@pytest.mark.parametrize(
    ("order", "mode", "nodes", "shape"),
    [("cubic", "bicubic", (7, 11), (23, 5)), ("linear", "trilinear", (4, 6, 5), (9, 3, 14))],
)
def test_on_lattice_equals_torchs_resizing_with_aligned_corners(order, mode, nodes, shape):
    values = torch.from_numpy(random_values(3, *nodes))
    expected = F.interpolate(values[None], size=shape, mode=mode, align_corners=True)[0]
    matrices = tuple(axis_matrix(np.linspace(-1, 1, n), m, order, CPU) for n, m in zip(shape, nodes, strict=True))
    np.testing.assert_allclose(on_lattice(values.float(), matrices), expected, atol=LATTICE_ATOL)


@pytest.mark.parametrize("nodes", [(9,), (6, 13), (5, 8, 3)])
def test_linear_at_points_equals_numpy_and_scipy(nodes):
    """Coordinate k runs along node axis k; points beyond the last node get its value."""
    values = random_values(2, *nodes)
    x = np.random.default_rng(1).uniform(-1, 1, (300, len(nodes))).astype(np.float32).astype(float)
    x[0], x[1] = -1, 1
    ours = at_points(torch.from_numpy(values).float(), torch.from_numpy(x).float(), "linear")
    assert ours.shape == (300, 2)
    lines = tuple(np.linspace(-1, 1, m) for m in nodes)
    for f in range(2):
        if len(nodes) == 1:
            expected = np.interp(x[:, 0], lines[0], values[f])
        else:
            expected = RegularGridInterpolator(lines, values[f])(x)
        by_position = map_coordinates(values[f], ((x + 1) / 2 * (np.array(nodes) - 1)).T, order=1, mode="nearest")
        np.testing.assert_allclose(expected, by_position, atol=1e-12)
        np.testing.assert_allclose(ours[:, f], expected, atol=POINTS_ATOL)


def test_cubic_at_points_equals_the_kernel_written_out():
    nodes = (6, 13)
    values = random_values(3, *nodes)
    x = np.random.default_rng(1).uniform(-1, 1, (300, 2)).astype(np.float32).astype(float)
    x[0], x[1], x[2] = -1, 1, (1, -1)
    rows, columns = (dense_rows(x[:, k], m, keys) for k, m in enumerate(nodes))
    expected = np.einsum("ni,fij,nj->nf", rows, values, columns)
    ours = at_points(torch.from_numpy(values).float(), torch.from_numpy(x).float(), "cubic")
    np.testing.assert_allclose(ours, expected, atol=POINTS_ATOL)


@pytest.mark.parametrize(
    ("order", "nodes", "shape"),
    [
        ("linear", (9,), (40,)),
        ("linear", (6, 13), (9, 20)),
        ("cubic", (6, 13), (9, 20)),
        ("linear", (4, 3, 5), (6, 7, 8)),
    ],
)
def test_on_lattice_equals_at_points(order, nodes, shape):
    values = torch.from_numpy(random_values(2, *nodes)).float()
    lattice = Lattice.regular(shape)
    matrices = tuple(axis_matrix(axis, m, order, CPU) for axis, m in zip(lattice.axes, nodes, strict=True))
    ours = on_lattice(values, matrices)
    assert ours.shape == (2, *shape)
    np.testing.assert_allclose(ours.reshape(2, -1).T, at_points(values, lattice.points("cpu"), order), atol=POINTS_ATOL)


@pytest.mark.parametrize("order", ["linear", "cubic"])
def test_both_stay_in_float32_under_autocast(order):
    values = torch.from_numpy(random_values(2, 6, 13)).float()
    lattice = Lattice.regular((9, 20))
    matrices = tuple(axis_matrix(axis, m, order, CPU) for axis, m in zip(lattice.axes, (6, 13), strict=True))
    expected = on_lattice(values, matrices)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours, at = on_lattice(values, matrices), at_points(values, lattice.points("cpu"), order)
    assert ours.dtype == at.dtype == torch.float32
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("order", ["linear", "cubic"])
def test_beyond_the_ends_a_matrix_holds_the_end_values(order):
    matrix = axis_matrix(np.array([-3, -1 - 1e-9, -1, 1, 1 + 1e-9, 3]), 5, order, CPU)
    first, last = np.eye(5)[0], np.eye(5)[-1]
    np.testing.assert_allclose(matrix, [first, first, first, last, last, last], atol=1e-7)


def test_linear_points_beyond_the_ends_get_the_end_values():
    values = torch.tensor([[3.0, 1.0, 4.0, 1.5]])
    ours = at_points(values, torch.tensor([[-2.0], [-1.0], [1.0], [1.7]]), "linear")
    assert ours[:, 0].tolist() == [3.0, 3.0, 1.5, 1.5]


def test_linear_interpolation_is_exact_on_multilinear_functions():
    lattice = Lattice.regular((9, 7, 8))

    def function(x, y, z):
        return 0.3 + x - 2 * y + 0.5 * z + x * y - y * z + 2 * x * y * z

    nodes = (4, 5, 3)
    values = function(*np.meshgrid(*(np.linspace(-1, 1, m) for m in nodes), indexing="ij"))
    matrices = tuple(axis_matrix(a, m, "linear", CPU) for a, m in zip(lattice.axes, nodes, strict=True))
    expected = function(*np.meshgrid(*lattice.axes, indexing="ij"))
    ours = on_lattice(torch.from_numpy(values).float()[None], matrices)[0]
    np.testing.assert_allclose(ours, expected, atol=1e-5)  # |values| up to 8


def test_the_cubic_kernel_bends_a_ramp_as_a_of_three_quarters_must():
    """With a ≠ -½ only constants are exact: the first moment is s - (2a + 1)·s(1 - s)(1 - 2s)."""
    nodes = 12
    position = np.linspace(1, nodes - 2, 200)  # where all four neighbours exist
    matrix = axis_matrix(2 * position / (nodes - 1) - 1, nodes, "cubic", CPU).double().numpy()
    s = position - np.floor(position)
    expected = position + 0.5 * s * (1 - s) * (1 - 2 * s)
    np.testing.assert_allclose(matrix @ np.arange(nodes), expected, atol=1e-5)
    assert np.abs(expected - position).max() > 0.04


def test_with_a_of_one_half_the_same_code_is_exact_on_quadratics(monkeypatch):
    """Keys' theorem: a = -½ is the one choice of third order."""
    monkeypatch.setattr(interpolation, "KEYS_A", -0.5)
    nodes = 12
    position = np.linspace(1, nodes - 2, 200)
    matrix = axis_matrix(2 * position / (nodes - 1) - 1, nodes, "cubic", CPU).double().numpy()
    for polynomial in (lambda t: t, lambda t: 0.2 * t**2 - t):
        np.testing.assert_allclose(matrix @ polynomial(np.arange(nodes)), polynomial(position), atol=1e-5)


@pytest.mark.parametrize("order", ["linear", "cubic"])
def test_gradients_are_the_transposed_matrices(order):
    values = torch.zeros(1, 6, 13, requires_grad=True)
    lattice = Lattice.regular((9, 20))
    matrices = tuple(axis_matrix(axis, m, order, CPU) for axis, m in zip(lattice.axes, (6, 13), strict=True))
    cotangent = random_values(9, 20)
    on_lattice(values, matrices).backward(torch.from_numpy(cotangent).float()[None])
    kernel = keys if order == "cubic" else hat
    rows, columns = (dense_rows(a, m, kernel) for a, m in zip(lattice.axes, (6, 13), strict=True))
    np.testing.assert_allclose(values.grad[0], rows.T @ cotangent @ columns, atol=1e-5)  # sums of up to 20 terms


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 40), st.integers(0, 1000))
def test_picked_columns_and_their_gradient_are_those_of_plain_indexing(features, points, picked, seed):
    """In any order, and where none or all are picked: no two the same, so each gradient is written once."""
    rng = np.random.default_rng(seed)
    index = rng.permutation(points)[:picked]
    values = torch.from_numpy(rng.uniform(-1, 1, (features, points))).float().requires_grad_()
    cotangent = rng.uniform(-1, 1, (features, len(index))).astype(np.float32)
    found = pick(values, torch.from_numpy(index))
    np.testing.assert_array_equal(found.detach(), values.detach().numpy()[:, index])
    found.backward(torch.from_numpy(cotangent))
    expected = np.zeros((features, points), np.float32)
    expected[:, index] = cotangent
    np.testing.assert_array_equal(values.grad, expected)


def test_what_is_picked_twice_adds_its_gradients():
    """Two picks from the same values, as when a batch is made in parts."""
    values = torch.from_numpy(random_values(2, 6)).float().requires_grad_()
    (pick(values, torch.tensor([4, 1])).sum() + 2 * pick(values, torch.tensor([1, 0])).sum()).backward()
    np.testing.assert_array_equal(values.grad, [[2, 3, 0, 0, 1, 0]] * 2)
