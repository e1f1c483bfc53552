"""GA-Planes' kernels against their twins in double precision, at some of a lattice's points and on whole lattices."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ga_plane import LEAST_FUSED
from models.kernels.interpolation import axis_matrix
from models.kernels.planes import features as twin
from models.kernels.planes import fp16x3
from models.kernels.planes.features import Places, Sides, Tables
from target_signals import Lattice
from tests.building import build
from tests.models.kernels.errors import relative
from tests.models.kernels.gaps import with_gaps

kernels = pytest.importorskip("models.kernels.planes.features_triton", reason="Triton is not installed here")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPES = {2: (6, 13), 3: (2, 3, 6)}
EXACT = 2e-6  # relative errors of float32 values and their sums


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    """So that sums over few points, too, have several."""
    monkeypatch.setattr(fp16x3, "RUN", 64)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.to(DEVICE).requires_grad_()


def draw_tables(dim: int, width: int, nodes: int = 4) -> Tables:
    *others, n = SHAPES[dim]
    rows = others[0] if dim == 2 else others[0] * others[1]
    sides = None
    if dim == 3:
        i, j = others
        sides = Sides(*(draw(*shape, width, seed=k) for k, shape in enumerate([(i,), (j,), (j, n), (i, n)])))
    return Tables(draw(rows, width, seed=5), draw(n, width, seed=6), draw(rows, nodes, width, seed=7), sides)


def points(dim: int, count: int | None = None) -> torch.Tensor:
    """Flat indices of some points, or of all."""
    total = torch.Size(SHAPES[dim]).numel()
    return torch.randperm(total, generator=torch.Generator().manual_seed(3))[:count].sort().values.to(DEVICE)


def places_of(dim: int, nodes: int = 4) -> Places:
    axis = Lattice.regular(SHAPES[dim]).axes[-1]
    return twin.places_among(axis_matrix(axis, nodes, "linear", torch.device(DEVICE)))


def tensors(tables: Tables) -> list[torch.Tensor]:
    return [*tables[:3], *(tables.sides or ())]


def single(tables: Tables, gaps=lambda x: x) -> Tables:
    across, along, nodes, *sides = (gaps(x.detach().float().requires_grad_()) for x in tensors(tables))
    return Tables(across, along, nodes, Sides(*sides) if sides else None)


@pytest.mark.parametrize("nodes", [2, 5])
def test_places_are_where_the_interpolation_matrix_looks(nodes):
    limits, below, fraction = places_of(2, nodes)
    position = (torch.linspace(-1, 1, 14, dtype=torch.float64)[:-1] + 1) / 2 * (nodes - 1)
    torch.testing.assert_close(below.double().cpu() + fraction.double().cpu(), position, atol=1e-6, rtol=0)
    assert limits.tolist()[0] == 0
    assert limits.tolist()[-1] == SHAPES[2][-1]
    for node, (first, end) in enumerate(zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True)):
        assert below[first:end].eq(node).all()


def assert_the_twins(dim, width, channels, index, gaps=lambda x: x):
    """Values and gradients are the twins', if tensors have gaps in memory as well."""
    tables = draw_tables(dim, width)
    decoder = draw(width, width, seed=8), draw(channels, width, seed=9)
    given = 1e-9 * torch.randn(len(index), channels, generator=torch.Generator().manual_seed(4)).to(DEVICE)
    expected = twin.values(tables, places_of(dim), index, *decoder)
    ours, own = single(tables, gaps), [gaps(x.detach().float().requires_grad_()) for x in decoder]
    found = kernels.values(ours, places_of(dim), gaps(index), *own)
    assert found.dtype == torch.float32
    assert relative(found, expected) < EXACT
    gradients = torch.autograd.grad(found, [*own, *tensors(ours)], given)
    exact = torch.autograd.grad(expected, [*decoder, *tensors(tables)], given.double())
    for one, other in zip(gradients, exact, strict=True):
        assert one.shape == other.shape
        assert relative(one, other) < EXACT


@pytest.mark.parametrize(("width", "channels", "count"), [(16, 1, None), (144, 3, 30)])
@pytest.mark.parametrize("dim", [2, 3])
def test_values_and_gradients_are_the_twins(dim, width, channels, count):
    """Also with more features than a program has, fewer points than the lattice, and gradients of any size."""
    assert_the_twins(dim, width, channels, points(dim, count))


@given(st.sampled_from([2, 3]), st.integers(1, 3), st.sets(st.integers(0, 35), min_size=1))
@settings(max_examples=10)
def test_values_and_gradients_are_the_twins_at_any_points(dim, channels, index):
    assert_the_twins(dim, 16, channels, torch.tensor(sorted(index), device=DEVICE))


@pytest.mark.parametrize("dim", [2, 3])
def test_tensors_may_have_gaps_in_memory(dim):
    assert_the_twins(dim, 16, 2, points(dim, 30), with_gaps)


@pytest.mark.parametrize("dim", [2, 3])
def test_no_points_have_no_values_and_no_gradient(dim):
    tables, weight, head = single(draw_tables(dim, 16)), draw(16, 16).float(), draw(2, 16).float()
    found = kernels.values(tables, places_of(dim), points(dim, 0), weight, head)
    assert found.shape == (0, 2)
    for gradient in torch.autograd.grad(found.sum(), tensors(tables)):
        assert not gradient.any()


@pytest.mark.parametrize("dim", [2, 3])
def test_the_bound_holds(dim):
    tables = draw_tables(dim, 16)
    assert twin.features(tables, places_of(dim), points(dim)).abs().max() <= twin.bound(tables)


@pytest.mark.parametrize(("dim", "features"), [(2, 16), (3, 19)])
def test_a_model_is_the_same_by_either_back_end(dim, features):
    """On its lattice, on a finer one, and at some points."""
    lattice = Lattice.regular(SHAPES[dim])
    model = build("GAPlane", lattice, 2, size=features * max(SHAPES[dim])).to(DEVICE)
    with torch.no_grad():
        for seed, values in enumerate(model.parameters()):
            values.copy_(torch.randn(values.shape, generator=torch.Generator().manual_seed(seed)))
    exact = copy.deepcopy(model).double()
    model.backend = "triton"
    finer, some = Lattice.aligned(tuple(n + 1 for n in SHAPES[dim]), SHAPES[dim]), points(dim, 30)
    for found, x in (
        (model.on_lattice(lattice), lattice.points(DEVICE)),
        (model.on_lattice(finer), finer.points(DEVICE)),
        (model.heads_at(lattice, some), lattice.points_at(some)),
    ):
        expected = exact(x.double())
        found = found.reshape(expected.shape)
        assert relative(found, expected) < EXACT
        given = torch.ones_like(found)
        gradients = torch.autograd.grad(found, list(model.parameters()), given)
        for one, other in zip(
            gradients, torch.autograd.grad(expected, list(exact.parameters()), given.double()), strict=True
        ):
            assert relative(one, other) < 1e-5


def test_it_refuses_what_it_has_no_kernels_for():
    narrow, wide = (build("GAPlane", (4, 4), size=4 * features) for features in (LEAST_FUSED - 1, LEAST_FUSED))
    assert wide.refuses("triton", "fp32") is None
    assert str(LEAST_FUSED) in narrow.refuses("triton", "fp32")
    assert "tf32" in wide.refuses("triton", "tf32")
    assert narrow.refuses("inductor", "bf16") is None
