"""The Triton hash encoding against its twin: values and every gradient.

Without a GPU the kernels are interpreted, so inputs are small; on a GPU they are compiled, and larger.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.lattice import Lattice
from models.kernels.hash_grid import encoding
from models.kernels.hash_grid.encoding import make_levels
from models.kernels.hash_grid.lattice_plan import make_plan
from tests.building import build
from tests.models.kernels.errors import relative
from tests.models.kernels.gaps import with_gaps

kernels = pytest.importorskip("models.kernels.hash_grid.encoding_triton", reason="Triton is not installed here")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FORWARD, BACKWARD = 1e-5, 1e-4  # relative, norm-wise
CASES = [  # shape, entries a level at most, levels, features
    ((13, 7), 128, 16, 2),
    ((4, 3, 5), 256, 5, 2),
    ((33, 3), 2048, 4, 4),  # dense and hashed levels; one axis with several pieces a node
    ((3, 2, 4), 4096, 3, 8),
    ((7, 5), 100, 6, 1),  # 100 entries: no power of two
    ((3, 3, 2), 1000, 5, 1),
    ((1, 1), 8, 3, 2),
    ((1, 1, 1), 64, 16, 2),
]
LARGE = [((300, 211), 2048, 16, 2), ((40, 50, 30), 128, 16, 2), ((64, 64, 31), 16384, 16, 2), ((500, 499), 1000, 16, 2)]
ALL = [pytest.param(case, id=str(case)) for case in CASES]
ALL += [pytest.param(case, id=str(case), marks=pytest.mark.gpu) for case in LARGE]


def table_for(levels, features):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(levels[-1].offset + levels[-1].size, features, generator=rng).to(DEVICE).requires_grad_()


def test_a_plan_numbers_the_points_with_axis_0_running_fastest():
    lattice = Lattice.regular((5, 3, 4))
    plan = make_plan(lattice, make_levels(3, 4, 16, 1.5, 64), torch.device("cpu"))
    assert (plan.points[1] - plan.points[0]).nonzero().tolist() == [[0]]
    natural = plan.natural(plan.points)
    torch.testing.assert_close(natural.reshape(-1, 3), (lattice.points("cpu") + 1) / 2, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(40, 6), (12, 5, 4)])
def test_the_groups_and_pieces_of_a_plan_are_every_corner_of_every_point(shape):
    """Summed up again with numpy's bincount, they make the transpose of the encoding's matrix."""
    levels = make_levels(len(shape), 6, 16, 1.5, 128)
    plan = make_plan(Lattice.regular(shape), levels, torch.device("cpu"))
    total = torch.zeros(levels[-1].offset + levels[-1].size, dtype=torch.float64)
    cotangent = torch.rand(len(levels), len(plan.points), generator=torch.Generator().manual_seed(2)).double()
    for level, h, first, end in plan.groups.tolist():
        begin, stop, longest = plan.runs[level].tolist()
        points = plan.pieces[begin:stop, 1 : 1 + longest].long()
        lines = plan.lines[first:end].long() * plan.line
        values = cotangent[level][lines[:, None, None] + points] * plan.line_weights[first:end, None, None]
        sums = (values.sum(0) * plan.piece_weights[begin:stop, :longest]).sum(1)
        a = plan.pieces[begin:stop, 0].long()
        index = a + h if levels[level].dense else a ^ h
        total.index_add_(0, index % levels[level].size + levels[level].offset, sums)
    table = torch.zeros(len(total), 1, dtype=torch.float64, requires_grad=True)
    encoding.encode(plan.points.double(), table, levels).backward(cotangent.T)
    torch.testing.assert_close(total, table.grad[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("planned", [False, True], ids=["points", "lattice"])
@pytest.mark.parametrize("case", ALL)
def test_the_encoding_is_its_twin_forward_and_backward(case, planned):
    shape, entries, count, features = case
    levels = make_levels(len(shape), count, 16, 1.5, entries)
    plan = make_plan(Lattice.regular(shape), levels, DEVICE)
    # not the lattice's own corners, where the slope jumps and rounding decides on which side a point is
    x = plan.points.clone() if planned else (plan.points + 0.37 / 1000).clone()
    table, x = table_for(levels, features), x.requires_grad_(not planned)
    ours, twin = kernels.encode(x, table, levels, plan if planned else None), encoding.encode(x, table, levels)
    assert relative(ours, twin) < FORWARD
    cotangent = torch.randn(twin.shape, generator=torch.Generator().manual_seed(2)).to(DEVICE)
    wanted = [table] if planned else [table, x]
    for a, b in zip(
        torch.autograd.grad(ours, wanted, cotangent), torch.autograd.grad(twin, wanted, cotangent), strict=True
    ):
        assert relative(a, b) < BACKWARD


@given(
    st.lists(st.integers(1, 7), min_size=2, max_size=3),
    st.integers(8, 300),
    st.integers(1, 5),
    st.sampled_from([1, 2, 4]),
    st.floats(1, 2),
)
@settings(max_examples=10)
def test_the_gradient_of_a_table_is_the_twins_on_any_lattice(shape, entries, count, features, growth):
    levels = make_levels(len(shape), count, 3, growth, entries)
    plan, table = make_plan(Lattice.regular(tuple(shape)), levels, DEVICE), table_for(levels, features)
    twin = encoding.encode(plan.points, table, levels)
    cotangent = torch.randn(twin.shape, generator=torch.Generator().manual_seed(2)).to(DEVICE)
    (expected,) = torch.autograd.grad(twin, table, cotangent)
    for given_plan in (plan, None):
        found = kernels.encode(plan.points, table, levels, given_plan)
        assert relative(found, twin) < FORWARD
        assert relative(torch.autograd.grad(found, table, cotangent)[0], expected) < BACKWARD


def test_tensors_may_have_gaps_in_memory():
    levels = make_levels(2, 3, 16, 1.5, 64)
    table, x = table_for(levels, 2), torch.rand(20, 2, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    assert torch.equal(kernels.encode(with_gaps(x), with_gaps(table), levels), kernels.encode(x, table, levels))


@pytest.mark.parametrize("dim", [2, 3])
def test_no_points_give_no_values_and_no_gradient(dim):
    levels = make_levels(dim, 3, 16, 1.5, 64)
    table, x = table_for(levels, 2), torch.empty(0, dim, device=DEVICE)
    values = kernels.encode(x, table, levels)
    assert len(values) == 0
    assert torch.autograd.grad(values.sum(), table)[0].abs().max() == 0


def test_points_beyond_the_box_read_nothing_beyond_the_table():
    levels = make_levels(3, 4, 16, 1.5, 8192)
    x = torch.tensor([[-5.0, 0.5, 0.5], [1e9, 1.0, 2.0]], device=DEVICE)
    assert kernels.encode(x, table_for(levels, 2), levels).shape == (2, 8)


@pytest.mark.parametrize("kind", ["power_of_two", "exact"])
@pytest.mark.parametrize("shape", [(11, 9), (3, 2, 4)])
def test_the_model_is_the_same_under_both_back_ends(shape, kind):
    lattice, results = Lattice.regular(shape), {}
    for backend in ("triton", "torch"):
        model = build("Instant_NGP", lattice, 3, table=kind)
        model.to(DEVICE).backend = backend
        assert model.refuses(backend, "fp32") is None
        values = model.on_lattice(lattice)
        values.square().mean().backward()
        with torch.no_grad():
            results[backend] = [values, model(lattice.points(DEVICE)), *(p.grad for p in model.parameters())]
    for ours, twin in zip(results["triton"], results["torch"], strict=True):
        assert relative(ours, twin) < BACKWARD


@pytest.mark.gpu
@pytest.mark.parametrize("shape", [(300, 211), (40, 50, 30)])
def test_tiny_cuda_nn_is_the_twin(shape):
    pytest.importorskip("tinycudann")
    lattice, results = Lattice.regular(shape), {}
    for backend in ("tcnn", "torch"):
        model = build("Instant_NGP", lattice, size=512)
        model.to(DEVICE).backend = backend
        values = model.on_lattice(lattice)
        values.square().mean().backward()
        results[backend] = [values, *(p.grad for p in model.parameters())]
    for ours, twin in zip(results["tcnn"], results["torch"], strict=True):
        assert relative(ours, twin) < 1e-3  # its interpolation rounds its own way
