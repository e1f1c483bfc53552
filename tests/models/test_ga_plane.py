"""GAPlane against numpy and scipy interpolation, the way its planes lie, and its shrink rule."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.interpolate import RegularGridInterpolator
from torch import nn

import models
from target_signals import Lattice
from tests.building import build, settings_of

CLS = models.get_model("GAPlane")
SETTINGS = settings_of("GAPlane")
SHAPES = {2: (13, 21), 3: (9, 12, 7)}
AXES = {"xy": (0, 1), "yz": (1, 2), "zx": (2, 0)}  # array axis 0 and 1 of each plane


def make(dim, channels=1, size=None, shape=None):
    shape = shape or SHAPES[dim]
    return build("GAPlane", shape, channels, size=size or 8 * max(shape))


def randomised(dim, channels=1, seed=1):
    """A model whose planes and volume matter as much as its lines."""
    model = make(dim, channels)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in (*model.lines, *model.planes, *model.volumes):
            values.normal_(generator=rng)
    return model


def interpolated(values, x):
    """values [F, *nodes], x [N, axes of values] → [N, F] by numpy or scipy."""
    lines = [np.linspace(-1, 1, m) for m in values.shape[1:]]
    if len(lines) == 1:
        return np.stack([np.interp(x[:, 0], lines[0], feature) for feature in values], -1)
    return np.stack([RegularGridInterpolator(lines, feature)(x) for feature in values], -1)


def features(model, x):
    numpy = [[p.detach().double().numpy() for p in group] for group in (model.lines, model.planes, model.volumes)]
    lines, planes, volumes = numpy
    line = [interpolated(values, x[:, [k]]) for k, values in enumerate(lines)]
    plane = [interpolated(values, x[:, pair]) for values, pair in zip(planes, map(list, AXES.values()), strict=False)]
    if x.shape[1] == 2:
        (xy,) = plane
        return line[0] * line[1] + xy
    xy, yz, zx = plane
    (volume,) = volumes
    return line[0] * line[1] * line[2] + xy * line[2] + yz * line[0] + zx * line[1] + interpolated(volume, x)


def decoded(model, z):
    first, activation, last = model.decoder
    assert isinstance(activation, nn.ReLU)
    weight, bias = (p.detach().double().numpy() for p in first.parameters())
    z = np.maximum(z @ weight.T + bias, 0)
    weight, bias = (p.detach().double().numpy() for p in last.parameters())
    return z @ weight.T + bias


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_points_are_the_formula(dim, channels):
    model = randomised(dim, channels).double()
    x = np.random.default_rng(2).uniform(-1, 1, (200, dim))
    x[0], x[1] = -1, 1
    z = features(model, x)
    expected = decoded(model, z)
    assert expected.std() > 0.05
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach(), expected, atol=1e-10)
    model._decode = lambda features: features.T
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach(), z, atol=1e-10)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_the_lattice_is_the_formula(dim, channels):
    model = randomised(dim, channels)
    x = np.stack(np.meshgrid(*model.lattice.axes, indexing="ij"), -1).reshape(-1, dim)
    z = features(model, x)
    ours = model.on_lattice(model.lattice).detach().reshape(-1, channels)
    scale = np.abs(z).max()  # float32: products of three lines of up to 4, then 8 features
    np.testing.assert_allclose(ours, decoded(model, z), atol=2e-6 * scale)
    model._decode = lambda features: features.T
    np.testing.assert_allclose(model.on_lattice(model.lattice).detach().reshape(-1, 8), z, atol=2e-6 * scale)


@pytest.mark.parametrize("dim", [2, 3])
def test_in_bf16_answers_are_in_float32(dim):
    """Features, too, are made in float32; bf16 is what the decoder's products are in."""
    model = randomised(dim, 3)

    def values_and_gradients():
        model.zero_grad()
        values = model.on_lattice(model.lattice)
        values.square().sum().backward()
        return [values.detach(), *(value.grad for value in model.parameters())]

    exact = values_and_gradients()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = values_and_gradients()
        some = torch.tensor([3, 5, 20])
        at_some = model.heads_at(model.lattice, some)[0].detach()
    assert found[0].dtype == torch.float32
    assert not torch.equal(found[0], found[0].bfloat16().float())
    torch.testing.assert_close(
        at_some, found[0].reshape(-1, 3)[some], rtol=1e-5, atol=1e-5 * found[0].abs().max().item()
    )
    for ours, expected in zip(found, exact, strict=True):
        assert (ours - expected).norm() < 0.05 * expected.norm()


@pytest.mark.parametrize("dim", [2, 3])
def test_a_finer_lattice_than_the_training_one_is_the_formula_too(dim):
    model = randomised(dim)
    lattice = Lattice.regular(tuple(2 * n + 1 for n in SHAPES[dim]))
    x = np.stack(np.meshgrid(*lattice.axes, indexing="ij"), -1).reshape(-1, dim)
    z = features(model, x)
    ours = model.on_lattice(lattice).detach().reshape(-1, 1)
    np.testing.assert_allclose(ours, decoded(model, z), atol=2e-6 * np.abs(z).max())


def bare(dim, lines=(0.0, 0.0, 0.0), plane=4):
    """Constant lines, everything else 0, the features themselves as the answer."""
    model = make(dim)
    model._decode = lambda features: features.T
    model.planes = nn.ParameterList(torch.zeros(8, plane, plane) for _ in model.planes)
    with torch.no_grad():
        for line, value in zip(model.lines, lines, strict=False):
            line.fill_(value)
        for volume in model.volumes:
            volume.zero_()
    return model


def test_each_product_of_three_dimensions():
    """x·y·z + xy·z + yz·x + zx·y + volume with constants that tell every factor apart."""
    model = bare(3, (2, 3, 5))
    with torch.no_grad():
        for plane, value in zip(model.planes, (1e2, 1e4, 1e6), strict=True):
            plane.fill_(value)
        model.volumes[0].fill_(0.25)
    expected = 2 * 3 * 5 + 1e2 * 5 + 1e4 * 2 + 1e6 * 3 + 0.25
    np.testing.assert_allclose(model(torch.zeros(1, 3)).detach(), expected, rtol=1e-6)
    np.testing.assert_allclose(model.on_lattice(model.lattice).detach(), expected, rtol=1e-6)


@pytest.mark.parametrize(("dim", "i", "name"), [(2, 0, "xy"), (3, 0, "xy"), (3, 1, "yz"), (3, 2, "zx")])
def test_one_node_of_a_plane_is_seen_near_its_own_coordinates_alone(dim, i, name):
    model = bare(dim, (1, 1, 1))
    still = model.on_lattice(model.lattice).detach()
    a, b = 1, 3  # of 4 nodes, at -1, -⅓, ⅓, 1
    with torch.no_grad():
        model.planes[i][:, a, b] += 1
    reacts = (model.on_lattice(model.lattice).detach() - still).abs()[..., 0] > 1e-6
    grids = np.meshgrid(*model.lattice.axes, indexing="ij")
    nodes = np.linspace(-1, 1, 4)
    first, second = (grids[k] for k in AXES[name])
    near = (np.abs(first - nodes[a]) < 2 / 3 - 1e-9) & (np.abs(second - nodes[b]) < 2 / 3 - 1e-9)
    assert near.any()
    assert not near.all()
    np.testing.assert_array_equal(reacts, near)
    at_points = (model(model.lattice.points("cpu")).detach().reshape(*reacts.shape, 8) - still).abs()[..., 0] > 1e-5
    np.testing.assert_array_equal(at_points, near)


@pytest.mark.parametrize(("dim", "k"), [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
def test_one_node_of_a_line_is_seen_near_its_own_coordinate_alone(dim, k):
    model = bare(dim, (1, 1, 1))
    still = model.on_lattice(model.lattice).detach()
    nodes = np.linspace(-1, 1, SHAPES[dim][k])
    with torch.no_grad():
        model.lines[k][:, 2] += 1
    reacts = (model.on_lattice(model.lattice).detach() - still).abs()[..., 0] > 1e-6
    near = np.abs(np.meshgrid(*model.lattice.axes, indexing="ij")[k] - nodes[2]) < nodes[1] - nodes[0] - 1e-9
    np.testing.assert_array_equal(reacts, near)


def test_one_node_of_the_volume_is_seen_near_its_own_coordinates_alone():
    model = bare(3)
    with torch.no_grad():
        model.volumes[0][:, 0, 2, 4] = 1
    reacts = model.on_lattice(model.lattice).detach()[..., 0].abs() > 1e-6
    grids = np.meshgrid(*model.lattice.axes, indexing="ij")
    near = [np.abs(grid - node) < 0.5 - 1e-9 for grid, node in zip(grids, (-1, 0, 1), strict=True)]
    np.testing.assert_array_equal(reacts, np.logical_and.reduce(near))


# ── shapes, counts, initial values ──


def closed_form(shape, features, channels, lines=None, plane=20):
    dim, lines = len(shape), lines or shape
    a_feature = sum(lines) + (1 if dim == 2 else 3) * plane**2 + (0 if dim == 2 else 5**3)
    return features * a_feature + features * features + features + features * channels + channels


def full_features(shape, channels, budget):
    """The most features on full lines and planes, by a linear scan."""
    features = 0
    while closed_form(shape, features + 1, channels) <= budget:
        features += 1
    return features


CASES = [
    (shape, channels, budget)
    for shape in [(1000, 1000), (400, 600), (100, 100, 100), (146, 104, 66)]
    for channels in (1, 3)
    for budget in (10_000, 30_000, 100_000, 300_000, 1_000_000)
]


@pytest.mark.parametrize(("shape", "channels", "budget"), CASES)
def test_shapes_follow_the_shrink_rule(shape, channels, budget):
    dim = len(shape)
    lattice = Lattice.regular(shape)
    with torch.device("meta"):
        model = CLS(SETTINGS, lattice, channels, CLS.solve_size(SETTINGS, lattice, channels, budget))
    lines = [tuple(line.shape) for line in model.lines]
    planes = [tuple(plane.shape) for plane in model.planes]
    assert [tuple(volume.shape[1:]) for volume in model.volumes] == [(5, 5, 5)] * (dim == 3)
    assert len(planes) == (1 if dim == 2 else 3)
    full = full_features(shape, channels, budget)
    if full >= 8:
        assert lines == [(full, n) for n in shape]
        assert planes == [(full, 20, 20)] * len(planes)
        assert model.count_values() == closed_form(shape, full, channels) <= budget
        return
    # eight features, lines and planes by one common factor, each rounded to whole nodes
    assert {features for features, *_ in (*lines, *planes)} == {8}
    nodes = [n for _, n in lines]
    (plane,) = {n for _, *ns in planes for n in ns}
    factors = [((m - 0.5) / n, (m + 0.5) / n) for m, n in zip((*nodes, plane), (*shape, 20), strict=True)]
    assert max(low for low, _ in factors) <= min(high for _, high in factors), "no common factor"
    count = closed_form(shape, 8, channels, tuple(nodes), plane)
    assert model.count_values() == count <= budget
    # the next larger factor, by one node of the longest line, does not fit
    factor = (max(nodes) + 1) / max(shape)
    assert closed_form(shape, 8, channels, tuple(round(factor * n) for n in shape), round(factor * 20)) > budget


@pytest.mark.parametrize("dim", [2, 3])
def test_initial_values(dim):
    model = make(dim, size=60 * 40, shape=(40, 30, 20)[:dim])
    for line in model.lines:
        values = line.detach().double().numpy().ravel()
        assert 0.1 <= values.min() < 0.101
        assert 0.249 < values.max() <= 0.25
        assert scipy.stats.kstest(values, scipy.stats.uniform(0.1, 0.15).cdf).pvalue > 1e-4
    for group, sigma in ((model.planes, 0.01), (model.volumes, 0.001)):
        for values in group:
            values = values.detach().double().numpy().ravel()
            assert scipy.stats.kstest(values, scipy.stats.norm(0, sigma).cdf).pvalue > 1e-4
    for layer in (model.decoder[0], model.decoder[2]):
        bound = 1 / math.sqrt(layer.weight.shape[1])
        assert layer.weight.shape[1] == 60
        assert layer.weight.abs().max() <= bound
    assert model.decoder[0].weight.abs().max() > 0.99 / math.sqrt(60)


@pytest.mark.parametrize("at_once", [None, 0, 8, 23])  # features; fewer than 8 are 8, and 23 are 16
@pytest.mark.parametrize("dim", [2, 3])
def test_features_made_a_few_at_a_time_are_the_same(dim, at_once, monkeypatch):
    """Also where the last few are fewer than a row of 16 bytes takes."""
    model = make(dim, channels=2, size=19 * max(SHAPES[dim]))
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():  # planes and volume start so small that they would hardly matter
        for values in (*model.lines, *model.planes, *model.volumes):
            values.normal_(generator=rng)
    parts, features = [], CLS._features

    def noted(self, lattice, part):
        parts.append(part)
        return features(self, lattice, part)

    monkeypatch.setattr(CLS, "_features", noted)
    if at_once is not None:
        monkeypatch.setattr("models.ga_plane.VALUES_AT_ONCE", at_once * len(model.lattice))
    index = torch.randperm(len(model.lattice), generator=rng)[: len(model.lattice) // 3]
    found, expected = model.heads_at(model.lattice, index), model.heads(model.lattice.points_at(index))
    assert len(parts) == {None: 1, 0: 3, 8: 3, 23: 2}[at_once]  # of 19 features
    assert found.shape == expected.shape == (1, len(index), 2)
    scale = expected.abs().max().item()
    torch.testing.assert_close(found, expected, atol=2e-6 * scale, rtol=0)
    cotangent = torch.randn(expected.shape, generator=rng)
    parameters = list(model.parameters())
    for one, other in zip(
        torch.autograd.grad(found, parameters, cotangent),
        torch.autograd.grad(expected, parameters, cotangent),
        strict=True,
    ):
        assert other.norm() > 0
        assert (one - other).norm() <= 2e-5 * other.norm()
