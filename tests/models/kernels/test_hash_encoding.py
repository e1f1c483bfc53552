"""The hash encoding against a scalar implementation on unsigned 32-bit integers, written from docs/protocol.md
and Müller et al. 2022 (equation 4), level by level and corner by corner.

Values are compared in float64, to rounding. LatticeEncoding is float32 throughout, as `encode` is on
the same points, so both make the same positions and differ by the order of a sum of 2^d terms.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import instant_ngp
from models.kernels.hash_grid.encoding import LatticeEncoding, encode, make_levels
from target_signals import Lattice
from tests.building import build

PRIMES = np.array([1, 2654435761, 805459861], dtype=np.uint32)
CASES = list(itertools.product([2, 3], [8, 128, 2048]))


def level_shapes(dim, count, table_size, base=16, growth=Fraction(3, 2)):
    """(scale, resolution, size, offset) of each level, in exact fractions."""
    offset, shapes = 0, []
    for level in range(count):
        scale = base * growth**level - 1
        resolution = math.ceil(scale) + 1
        nodes = resolution**dim
        size = nodes + (-nodes) % 8  # round up to a multiple of 8
        if nodes > table_size:
            size = table_size
        shapes.append((float(scale), resolution, size, offset))
        offset += size
    return shapes, offset


def entry(node, resolution, size, table_size):
    """The row of one node in its level. node: uint32 [d]."""
    dim = len(node)
    if resolution**dim <= table_size:
        index = sum(int(n) * resolution**k for k, n in enumerate(node))
    else:
        products = node * PRIMES[:dim]  # wraps modulo 2³²
        assert products.dtype == np.uint32
        index = int(np.bitwise_xor.reduce(products))
    return index % size


def scalar_matrix(x, shapes, entries, table_size):
    """The linear map table → encoding: [N, levels, entries]."""
    matrix = np.zeros((len(x), len(shapes), entries))
    for n, point in enumerate(x):
        for level, (scale, resolution, size, offset) in enumerate(shapes):
            position = [float(c) * scale + 0.5 for c in point]
            below = [math.floor(p) for p in position]
            for corner in itertools.product((0, 1), repeat=len(point)):
                node = np.array([b + c for b, c in zip(below, corner, strict=True)], dtype=np.uint32)
                weight = 1.0
                for p, b, c in zip(position, below, corner, strict=True):
                    weight *= (p - b) if c else 1 - (p - b)
                matrix[n, level, offset + entry(node, resolution, size, table_size)] += weight
    return matrix


def random_points(dim, n, seed=0):
    x = np.random.default_rng(seed).uniform(0, 1, (n, dim))
    x[0], x[1] = 0, np.nextafter(1, 0)
    if n > 2:
        x[2] = 1 - 1e-4  # past the last node of coarse levels
    return x


def random_table(entries, features=2, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (entries, features))


@pytest.mark.parametrize(("dim", "table_size"), [*CASES, (2, 2**13), (2, 2**17), (3, 2**19)])
def test_levels(dim, table_size):
    levels = make_levels(dim, 16, 16, 1.5, table_size)
    shapes, _ = level_shapes(dim, 16, table_size)
    assert [(v.scale, v.resolution, v.size, v.offset) for v in levels] == shapes
    assert [v.dense for v in levels] == [resolution**dim <= table_size for _, resolution, _, _ in shapes]
    assert all(v.size % 8 == 0 and v.size <= table_size for v in levels)


def test_the_first_levels_by_hand():
    levels = make_levels(2, 6, 16, 1.5, 2**12)
    assert [v.scale for v in levels] == [15, 23, 35, 53, 80, 120.5]
    assert [v.resolution for v in levels] == [16, 24, 36, 54, 81, 122]
    assert [v.size for v in levels] == [256, 576, 1296, 2920, 4096, 4096]  # 54² = 2916 is no multiple of 8
    assert [v.offset for v in levels] == [0, 256, 832, 2128, 5048, 9144]
    assert [v.dense for v in levels] == [True] * 4 + [False] * 2


def test_a_level_that_fills_its_table_exactly_is_dense():
    (level,) = make_levels(2, 1, 16, 1.5, 256)
    assert (level.dense, level.size) == (True, 256)
    (level,) = make_levels(2, 1, 16, 1.5, 255)
    assert (level.dense, level.size) == (False, 255)


@pytest.mark.parametrize(("dim", "table_size"), [*CASES, (2, 1000), (3, 1000)])  # at 1000 all 32 bits matter
def test_encode_is_the_scalar_implementation(dim, table_size):
    x = random_points(dim, 12)
    levels = make_levels(dim, 16, 16, 1.5, table_size)
    shapes, entries = level_shapes(dim, 16, table_size)
    table = random_table(entries)
    expected = scalar_matrix(x, shapes, entries, table_size) @ table  # [N, levels, F]
    ours = encode(torch.from_numpy(x), torch.from_numpy(table), levels)
    np.testing.assert_allclose(ours, expected.reshape(len(x), -1), atol=1e-9)


@given(
    dim=st.sampled_from([2, 3]),
    exponent=st.integers(3, 12),
    count=st.integers(1, 6),
    base=st.integers(2, 20),
    growth=st.sampled_from([Fraction(5, 4), Fraction(3, 2), Fraction(2)]),
    features=st.integers(1, 3),
    data=st.data(),
)
@settings(max_examples=40)
def test_any_tables_at_any_points(dim, exponent, count, base, growth, features, data):
    coordinate = st.floats(0, 1, exclude_max=True, allow_subnormal=False)
    x = np.array(data.draw(st.lists(st.tuples(*[coordinate] * dim), min_size=1, max_size=4)))
    levels = make_levels(dim, count, base, float(growth), 2**exponent)
    shapes, entries = level_shapes(dim, count, 2**exponent, base, growth)
    table = random_table(entries, features)
    expected = scalar_matrix(x, shapes, entries, 2**exponent) @ table
    ours = encode(torch.from_numpy(x), torch.from_numpy(table), levels)
    np.testing.assert_allclose(ours, expected.reshape(len(x), -1), atol=1e-9)


def test_the_first_coordinate_runs_fastest_and_the_last_node_wraps():
    """Level 0 in 2D: 16² nodes, position 15x + ½. Near 1 the neighbours are nodes 15 and 16."""
    levels = make_levels(2, 1, 16, 1.5, 2048)
    row = torch.arange(256.0, dtype=torch.float64)[:, None]

    def at(x, y):
        return encode(torch.tensor([[x, y]], dtype=torch.float64), row, levels).item()

    assert at(2.5 / 15, 4.5 / 15) == pytest.approx(3 + 16 * 5)  # position (3, 5)
    last = 15 / 15 - 1e-12  # position 15.5: halves of nodes 15 and 16
    # 15 + 16·1 = 31 and 16 + 16·1 = 32: the neighbour past the end is the first of the next row
    assert at(last, 0.5 / 15) == pytest.approx(0.5 * (15 + 16 * 1) + 0.5 * (16 + 16 * 1), abs=1e-6)
    # rows 15 and 16: 16·16 + 3 reduced modulo 256 is 3
    assert at(2.5 / 15, last) == pytest.approx(0.5 * (3 + 16 * 15) + 0.5 * 3, abs=1e-6)


def test_hashed_nodes_that_collide_share_an_entry():
    """With 8 entries and 2D the hash keeps (i₀ ⊕ i₁·p) mod 8, p = 2654435761 ≡ 1: i₀ ⊕ i₁ in three bits."""
    levels = make_levels(2, 1, 16, 1.5, 8)
    for i, j, expected in [(1, 1, 0), (3, 3, 0), (2, 1, 3), (5, 7, 2), (9, 1, 0), (10, 4, 6)]:
        x = torch.tensor([[(i - 0.5) / 15, (j - 0.5) / 15]], dtype=torch.float64)
        table = torch.zeros(8, 1, dtype=torch.float64, requires_grad=True)
        encode(x, table, levels).sum().backward()
        np.testing.assert_allclose(table.grad[:, 0], np.eye(8)[expected], atol=1e-9)


def test_products_wrap_at_32_bits():
    """Node (0, 2) of a table of 2¹²: 2·2654435761 mod 2³² = 1013904226, of which 4096 leave 866."""
    (level,) = make_levels(2, 1, 100, 1.5, 4096)
    assert not level.dense
    assert (2 * 2654435761) % 2**32 % 4096 == 866 == entry(np.array([0, 2], dtype=np.uint32), 100, 4096, 4096)
    table = torch.zeros(4096, 1, dtype=torch.float64, requires_grad=True)
    # x₀ = 0 lies halfway between nodes 0 and 1
    encode(torch.tensor([[0.0, 1.5 / 99]], dtype=torch.float64), table, (level,)).sum().backward()
    found = dict(zip(table.grad.nonzero()[:, 0].tolist(), table.grad[table.grad != 0].tolist(), strict=True))
    large = {index: weight for index, weight in found.items() if weight > 1e-6}
    assert large == {866: pytest.approx(0.5), 867: pytest.approx(0.5)}


@pytest.mark.parametrize("features", [1, 2])
@pytest.mark.parametrize(("dim", "table_size"), CASES)
def test_lattice_encoding_is_encode_forward_and_backward(dim, table_size, features):
    x = torch.rand(200, dim, generator=torch.Generator().manual_seed(2))
    levels = make_levels(dim, 5, 16, 1.5, table_size)
    entries = levels[-1].offset + levels[-1].size
    table = torch.from_numpy(random_table(entries, features)).float().requires_grad_()
    expected = encode(x, table, levels)
    ours = LatticeEncoding(x, levels)(table)
    assert ours.shape == (200, 5 * features)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)
    cotangent = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3))
    (by_autograd,) = torch.autograd.grad((expected * cotangent).sum(), table)
    (by_transpose,) = torch.autograd.grad((ours * cotangent).sum(), table)
    assert by_autograd.abs().max() > 0.1
    torch.testing.assert_close(by_transpose, by_autograd, rtol=1e-5, atol=1e-4)  # sums of up to 400 terms at T = 8


def test_lattice_encoding_stays_in_float32_under_autocast():
    """The sparse product has no bf16 on the CPU, and `encode` gathers in float32 there."""
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(2))
    levels = make_levels(2, 3, 16, 1.5, 128)
    table = torch.from_numpy(random_table(levels[-1].offset + levels[-1].size)).float().requires_grad_()
    encoding = LatticeEncoding(x, levels)
    expected = encoding(table)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = encoding(table)
        at_points = encode(x, table, levels)
    assert ours.dtype == at_points.dtype == torch.float32
    assert torch.equal(ours, expected)
    ours.sum().backward()
    assert table.grad.dtype == torch.float32


def test_gradients_are_the_scalar_implementations_transpose():
    x = random_points(3, 10)
    levels = make_levels(3, 4, 16, 1.5, 128)
    shapes, entries = level_shapes(3, 4, 128)
    table = torch.from_numpy(random_table(entries)).requires_grad_()
    cotangent = np.random.default_rng(4).normal(size=(10, 4, 2))
    encode(torch.from_numpy(x), table, levels).backward(torch.from_numpy(cotangent.reshape(10, 8)))
    matrix = scalar_matrix(x, shapes, entries, 128)
    np.testing.assert_allclose(table.grad, np.einsum("nle,nlf->ef", matrix, cotangent), atol=1e-9)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("dim", [2, 3])
def test_no_points_and_one_point(dim, n):
    x = torch.full((n, dim), 0.3)
    levels = make_levels(dim, 4, 16, 1.5, 128)
    table = torch.from_numpy(random_table(levels[-1].offset + levels[-1].size)).float().requires_grad_()
    at_points, on_lattice = encode(x, table, levels), LatticeEncoding(x, levels)(table)
    assert at_points.shape == on_lattice.shape == (n, 8)
    torch.testing.assert_close(on_lattice, at_points, rtol=0, atol=1e-6)
    on_lattice.sum().backward()
    # each level's weights sum to one, for each of two features
    assert table.grad.sum().item() == pytest.approx(8 * n, abs=1e-5)


# ── the model around it ──


def make_model(dim, channels, size):
    return build("Instant_NGP", (9, 7) if dim == 2 else (4, 5, 6), channels, size=size)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_the_model_maps_coordinates_to_the_unit_interval_and_decodes(dim, channels):
    model = make_model(dim, channels, 128)
    with torch.no_grad():
        model.table.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
    model.double()
    x = np.random.default_rng(3).uniform(-1, 1, (8, dim))
    x[0] = -1
    shapes, entries = level_shapes(dim, 16, 128)
    z = (scalar_matrix((x + 1) / 2, shapes, entries, 128) @ model.table.detach().numpy()).reshape(8, 32)
    hidden, output = model.hidden, model.output
    z = np.maximum(z @ hidden.weight.detach().numpy().T + hidden.bias.detach().numpy(), 0)
    expected = z @ output.weight.detach().numpy().T + output.bias.detach().numpy()
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach(), expected, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("log_size", [3, 7, 11])
def test_count_is_the_closed_form(dim, channels, log_size):
    _, entries = level_shapes(dim, 16, 2**log_size)
    decoder = 32 * 64 + 64 + 64 * channels + channels
    assert make_model(dim, channels, 2**log_size).count_values() == 2 * entries + decoder


@pytest.mark.parametrize(
    ("features", "entries", "refused"),
    [
        (2, 512, {}),
        (3, 512, {"triton": "1, 2, 4, 8, … features a level, not 3", "tcnn": "features a level, not 3"}),
        (16, 512, {"tcnn": "features a level, not 16"}),
        (2, 500, {"tcnn": "tables of 2ⁿ entries, not 500"}),
    ],
)
def test_a_back_end_refuses_what_it_cannot_run(features, entries, refused):
    model = build("Instant_NGP", (8, 8), size=entries, features=features)
    for backend in ("triton", "tcnn", "torch"):
        reason = model.refuses(backend, "fp32")
        assert refused[backend] in reason if backend in refused else reason is None


def test_initial_values():
    model = make_model(2, 1, 512)
    values = model.table.detach().double().numpy()
    assert 0.999e-4 < np.abs(values).max() <= 1e-4 * (1 + 1e-6)
    assert values.std() == pytest.approx(1e-4 / math.sqrt(3), rel=0.03)
    assert abs(values.mean()) < 2e-6
    assert [layer.weight.abs().max().item() for layer in (model.hidden, model.output)] == [
        pytest.approx(1 / math.sqrt(32), rel=0.01),
        pytest.approx(1 / math.sqrt(64), rel=0.05),
    ]


def test_a_lattice_too_large_for_a_sparse_product_is_gathered(monkeypatch):
    model = make_model(2, 3, 128)
    sparse = model.on_lattice(model.lattice)
    monkeypatch.setattr(instant_ngp, "MAX_CORNERS", 9 * 7 * 16 * 4 - 1)
    monkeypatch.setattr(instant_ngp, "LatticeEncoding", None)
    gathered = model.on_lattice(Lattice.regular((9, 7)))
    torch.testing.assert_close(gathered, sparse, rtol=1e-5, atol=1e-6)
