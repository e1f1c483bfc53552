"""KPlanes, TensoRF and FactorFields against their formulas, with every interpolation written out."""

import itertools

import pytest
import torch

from common.lattice import Lattice
from models import get_model
from models.factor_fields import cosines
from tests.building import build, settings_of

SHAPES = {2: (12, 17), 3: (6, 5, 9)}


def make(name, dim, channels=2, shape=None, **about):
    return build(name, shape or SHAPES[dim], channels, **about)


def interpolate(table, x):
    """Multilinear, corners aligned: table [F, *nodes], x [N, d] → [N, F]."""
    nodes = torch.tensor(table.shape[1:])
    at = ((x + 1) / 2 * (nodes - 1)).clamp(min=torch.zeros(len(nodes)), max=nodes - 1)
    below = at.floor().long().clamp(max=nodes - 2)
    total = 0
    for corner in itertools.product((0, 1), repeat=len(nodes)):
        offset = torch.tensor(corner)
        weight = torch.where(offset.bool(), at - below, 1 - (at - below)).prod(dim=1)
        total = total + weight[:, None] * table[(slice(None), *(below + offset).T)].T
    return total


def some_points(dim):
    return torch.rand(40, dim, generator=torch.Generator().manual_seed(5)) * 1.9 - 0.95


@pytest.mark.parametrize("decoder", ["mlp", "linear"])
@pytest.mark.parametrize("dim", [2, 3])
def test_kplanes_multiplies_the_planes_of_a_scale(dim, decoder):
    model = make("KPlanes", dim, size=24, decoder=decoder)
    x, tables, features = some_points(dim), iter(model.tables), []
    for nodes in (3, 6, 12, 24):
        product = 1
        for pair in itertools.combinations(range(dim), 2):
            table = next(tables)
            assert table.shape == (4, nodes, nodes)
            product = product * interpolate(table, x[:, list(pair)])
        features.append(product)
    expected = model.decoder(torch.cat(features, dim=1))
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)
    assert len(model.decoder) == (3 if decoder == "mlp" else 1)


def test_kplanes_has_the_papers_features_at_its_resolution():
    with torch.device("meta"):
        model = get_model("KPlanes")(settings_of("KPlanes"), Lattice.regular((9, 9, 9)), 1, 512)
    assert [tuple(table.shape) for table in model.tables[::3]] == [(32, n, n) for n in (64, 128, 256, 512)]


def test_tensorf_multiplies_vectors_and_matrices():
    model = make("TensoRF", 3)
    x, features = some_points(3), []
    for k, others in enumerate(([1, 2], [0, 2], [0, 1])):
        vector, matrix = model.tables[2 * k], model.tables[2 * k + 1]
        assert vector.shape[1:] == (SHAPES[3][k],)
        assert matrix.shape[1:] == tuple(SHAPES[3][j] for j in others)
        features.append(interpolate(vector, x[:, [k]]) * interpolate(matrix, x[:, others]))
    torch.testing.assert_close(model(x), model.decoder(torch.cat(features, dim=1)), rtol=1e-4, atol=1e-5)


def test_tensorf_is_a_sum_of_products_of_vectors_in_2d():
    """So its values on a lattice are a matrix of as low a rank."""
    model = make("TensoRF", 2, channels=1, size=3 * 40, shape=(40, 40), least_features=1)
    with torch.no_grad():
        values = model.on_lattice(model.lattice)[..., 0] - model.decoder[0].bias
    assert torch.linalg.matrix_rank(values, rtol=1e-5) == 3


@pytest.mark.parametrize(("dim", "nodes"), [(2, [40, 40]), (3, [40, 40, 40])])
def test_tensorfs_tables_shrink_where_features_would_be_too_few(dim, nodes):
    model = build("TensoRF", (100,) * dim, size=160)
    assert model.tables[0].shape == (4, 40)
    assert model.tables[1].shape == (4, *nodes[1:])


@pytest.mark.parametrize("dim", [2, 3])
def test_factor_fields_multiply_coefficients_and_repeated_bases(dim):
    model = make("FactorFields", dim, size=8)
    x, features = some_points(dim), []
    coefficients, *bases = model.tables
    assert coefficients.shape == (18, *[4] * dim)
    with torch.no_grad():
        coefficients.uniform_(generator=torch.Generator().manual_seed(1))
    for basis, nodes, count in zip(bases, (2, 3, 4, 6, 7, 8), (4, 4, 4, 2, 2, 2), strict=True):
        assert basis.shape == (count, *[nodes] * dim)
        repeats = torch.tensor([max(1.0, n / nodes) for n in model.lattice.shape])
        features.append(interpolate(basis, 2 * ((x + 1) / 2 * repeats % 1) - 1))
    expected = model.decoder(interpolate(coefficients, x) * torch.cat(features, dim=1))
    torch.testing.assert_close(model(x), expected, rtol=1e-3, atol=1e-4)


def test_a_basis_repeats_after_as_many_samples_as_it_has_nodes():
    model = make("FactorFields", 2, size=8, shape=(24, 32))
    x = torch.as_tensor(model.lattice.axes[0], dtype=torch.float32)
    at = model.place(6, 0, x)  # of eight nodes
    torch.testing.assert_close(at[:8].repeat(3), at)
    assert len(at[:8].unique()) == 8


@pytest.mark.parametrize("dim", [2, 3])
def test_tables_start_as_the_settings_say(dim):
    planes = torch.cat([table.flatten() for table in make("KPlanes", dim, size=40).tables]).detach()
    assert 0.1 <= planes.min() < 0.101
    assert 0.499 < planes.max() <= 0.5
    assert planes.mean().item() == pytest.approx(0.3, abs=0.005)
    vectors, matrices = (torch.cat([t.flatten() for t in make("TensoRF", dim).tables[k::2]]) for k in (0, 1))
    for values in (vectors.detach(), matrices.detach()):
        assert values.std().item() == pytest.approx(0.1, rel=4 / len(values) ** 0.5)
        assert abs(values.mean().item()) < 0.4 / len(values) ** 0.5
    coefficients, *bases = make("FactorFields", dim).tables
    assert (coefficients == 0.001).all()
    for basis in bases:
        assert torch.equal(basis, cosines(*basis.shape))


@pytest.mark.parametrize("shape", [(4, 9, 9), (2, 16, 16), (6, 16, 16), (4, 12, 12, 12)])
def test_bases_start_as_cosines_of_norm_one_that_differ(shape):
    waves = cosines(*shape).flatten(1)
    assert waves.shape[0] == shape[0]
    overlap = waves @ waves.T
    torch.testing.assert_close(overlap.diagonal(), torch.ones(shape[0]))
    assert (overlap - torch.eye(shape[0])).abs().max() < 0.5


def test_frequencies_of_a_basis_are_spread_over_the_products_that_there_are():
    def wave(k):
        values = torch.cos(torch.arange(9) * k * torch.pi / 3)
        return values - values.mean() if k else values

    found = cosines(4, 9, 9)  # of the nine products of three frequencies, the first, fourth, sixth and eighth
    for basis, (i, j) in zip(found, [(0, 0), (1, 0), (1, 2), (2, 1)], strict=True):
        expected = wave(i)[:, None] * wave(j)
        torch.testing.assert_close(basis, expected / expected.norm())


def test_more_features_than_a_basis_has_nodes_are_defined():
    assert cosines(4, 2, 2).isfinite().all()
    assert cosines(4, 2, 2, 2).isfinite().all()
