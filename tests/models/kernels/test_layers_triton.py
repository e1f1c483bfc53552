"""The fused layers against the same networks in double precision, and against the models' twins."""

import functools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import models
from models.base import Representation
from models.coordinate_network import CoordinateNetwork
from models.kernels.network import layers
from models.kernels.network.activations import ELEMENTWISE
from models.kernels.network.aligned import ALIGNMENT
from models.kernels.network.layers import Layer
from target_signals import Lattice
from tests.building import build
from tests.models.kernels.errors import relative
from tests.models.kernels.gaps import with_gaps
from tests.models.kernels.networks import (
    DEVICE,
    GRADIENTS,
    VALUES,
    assert_same,
    draw_network,
    draw_points,
    single,
    tensors,
)

kernels = pytest.importorskip("models.kernels.network.layers_triton", reason="Triton is not installed here")

ACTIVATIONS = ("filter", "gabor", *ELEMENTWISE)
NETWORKS = [name for name in models.registry.names() if issubclass(models.get_model(name), CoordinateNetwork)]


@pytest.mark.parametrize("parts", [2, 1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks_in_double_precision(activation, parts):
    """Widths of tiles of one strip and of two, with and without a rest, and points beyond a tile."""
    points = torch.rand(150, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE) * 2 - 1
    assert_same(kernels.heads, draw_network(activation, 2, [40, 264, 64], 1, seed=1), points, parts)


@given(
    st.sampled_from(ACTIVATIONS),
    st.integers(1, 3),
    st.lists(st.integers(1, 12), min_size=2, max_size=3),
    st.integers(1, 3),
    st.integers(1, 300),
    st.integers(0, 1000),
)
@settings(max_examples=12)
def test_any_shape(activation, dim, eighths, channels, n, seed):
    rng = torch.Generator().manual_seed(seed)
    points = torch.rand(n, dim, generator=rng, dtype=torch.float64).to(DEVICE) * 2 - 1
    network = draw_network(activation, dim, [ALIGNMENT * k for k in eighths], channels, seed)
    found = kernels.heads(single(network), points.float(), 2)
    assert relative(found, layers.heads(network, points.split(1, dim=1))) < 10 * VALUES[2]


@pytest.mark.parametrize("parts", [2, 1])
@pytest.mark.parametrize("activation", ["sine", "gabor"])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_head_may_read_the_first_layer(activation, parts, depth):
    """A network of one layer, or one more output."""
    first, *others = draw_network(activation, 2, [40, 24][:depth], 3, seed=1)
    rng = torch.Generator().manual_seed(2)
    weight, bias = (torch.randn(*shape, generator=rng, dtype=torch.float64).to(DEVICE) for shape in ((3, 40), (3,)))
    network = [replace(first, head=(weight.requires_grad_(), bias.requires_grad_())), *others]
    assert layers.heads(network, draw_points(50, 2).split(1, dim=1)).shape == (depth, 50, 3)
    assert_same(kernels.heads, network, draw_points(50, 2), parts)


def test_phases_of_thousands_of_radians():
    points = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE) * 2 - 1
    points = points.float().double()
    network = draw_network("filter", 2, [16, 16], 1, seed=0)
    steep = [Layer(3000 * network[0].weight.detach().float().double(), network[0].bias.detach(), "sine"), network[1]]
    found = kernels.heads(single(steep), points.float(), 2)
    assert relative(found, layers.heads(steep, points.split(1, dim=1))) < 2e-3  # of a float32 phase


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_tensors_may_have_gaps_in_memory(activation):
    network = single(draw_network(activation, 2, [16, 24], 3, seed=0))
    points = torch.rand(50, 2, device=DEVICE)

    def spread(x):
        if isinstance(x, tuple):
            return tuple(map(spread, x))
        return with_gaps(x) if isinstance(x, torch.Tensor) else x

    sparse = [Layer(**{name: spread(value) for name, value in vars(one).items()}) for one in network]
    assert not sparse[1].weight.is_contiguous()
    assert torch.equal(kernels.heads(sparse, with_gaps(points), 2), kernels.heads(network, points, 2))


@pytest.mark.parametrize("activation", ["filter", "gabor"])
def test_arguments_beyond_float16_leave_finite_gradients(activation):
    first, second = single(draw_network(activation, 2, [16, 16], 1, seed=0))
    network = [first, Layer(**{**vars(second), "bias": (1e6 * second.bias).detach()})]
    kernels.heads(network, torch.rand(50, 2, device=DEVICE), 2).sum().backward()
    assert all(x.grad is None or bool(x.grad.isfinite().all()) for x in (first.weight, second.weight))


def test_what_is_not_trained_has_no_gradient_and_costs_none():
    frozen, *others = single(draw_network("relu", 2, [16, 24], 1, seed=0))
    network = [Layer(frozen.weight.detach(), frozen.bias.detach(), "sine"), *others]
    kernels.heads(network, torch.rand(50, 2, device=DEVICE), 2).sum().backward()
    assert network[0].weight.grad is None
    assert network[1].weight.grad is not None


@pytest.mark.parametrize("activation", ["sine", "relu", "filter", "gabor"])
@pytest.mark.parametrize("frozen", [(0, 1), (1,), (2,), (1, 2)], ids=str)
def test_layers_before_one_that_is_not_trained_have_their_gradients(activation, frozen, calls):
    network = draw_network(activation, 2, [24, 24, 24], 1, seed=1)
    for i in frozen:
        network[i] = Layer(**{name: detached(value) for name, value in vars(network[i]).items()})
    products = calls(kernels, "mm")
    assert_same(kernels.heads, network, draw_points(50, 2), 2)
    assert len(products) == len({1, 2} - set(frozen))  # the first layer's gradient takes none


def test_values_without_gradients_are_the_same_and_save_no_slopes(monkeypatch):
    network, points = single(draw_network("sine", 2, [24, 24], 1, seed=1)), draw_points(70, 2).float()
    saves, launch = [], kernels.forward_kernel.run
    monkeypatch.setattr(
        kernels.forward_kernel, "run", lambda *args, **named: saves.append(named["SAVES"]) or launch(*args, **named)
    )
    found = kernels.heads(network, points, 2)
    with torch.no_grad():
        assert torch.equal(kernels.heads(network, points, 2), found)
    assert saves == [True, True, False, False]


def detached(x):
    if isinstance(x, tuple):
        return tuple(map(detached, x))
    return x.detach() if isinstance(x, torch.Tensor) else x


def test_no_points_give_no_values_and_no_gradient():
    network = single(draw_network("sine", 2, [16, 24], 3, seed=0))
    found = kernels.heads(network, torch.empty(0, 2, device=DEVICE), 2)
    assert found.shape == (1, 0, 3)
    for gradient in torch.autograd.grad(found.sum(), tensors(network)):
        assert not gradient.any()


@pytest.mark.parametrize("activation", ["sine", "filter"])
def test_many_points_are_taken_in_parts(activation, monkeypatch, calls):
    monkeypatch.setattr(kernels, "MOST", 64)
    launched = calls(kernels, "_forward")
    network = draw_network(activation, 2, [24, 24], 2, seed=1)
    assert_same(kernels.heads, network, draw_points(150, 2), 2)
    assert [len(points) for _, points, *_ in launched] == [64, 64, 64, 64, 22, 22]  # two layers each


@functools.cache
def make(name: str, dim: int):
    return build(name, (11, 13) if dim == 2 else (5, 6, 7), 3, size=20).to(DEVICE)


def assert_the_twin(model: Representation) -> None:
    """Values and gradients of the kernels are the plain network's."""
    results = {}
    for backend in ("triton", "torch"):
        model.backend = backend
        model.zero_grad()
        heads = model.heads_on_lattice(model.lattice)
        heads.square().mean().backward()
        some = torch.tensor([0, 5, 17, 100], device=DEVICE)
        gradients = [p.grad for p in model.parameters()]
        results[backend] = [heads.detach(), model.heads_at(model.lattice, some).detach()], gradients
    (values, gradients), (twins, gradients_of_twins) = results["triton"], results["torch"]
    for ours, theirs in zip(values, twins, strict=True):
        assert ours.shape == theirs.shape
        assert relative(ours, theirs) < VALUES[2]
    for ours, theirs in zip(gradients, gradients_of_twins, strict=True):
        assert relative(ours, theirs) < GRADIENTS


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_models_are_their_twins(name, dim):
    assert_the_twin(make(name, dim))


class Listed(CoordinateNetwork):
    """A network of a newcomer, who knows nothing of alignment."""

    name = "Listed"

    def __init__(self, lattice, size):
        super().__init__(None, lattice, 2, size)
        self.first, self.hidden = nn.Linear(self.dim, size), nn.Linear(size, size + 4)
        self.output = nn.Linear(size + 4, self.channels)

    def chain(self):
        first, hidden, output = ((one.weight, one.bias) for one in (self.first, self.hidden, self.output))
        return [Layer(*first, "sine"), Layer(*hidden, "relu", head=output)]


def test_a_network_need_only_list_its_layers():
    torch.manual_seed(0)
    model = Listed(Lattice.regular((11, 13)), 37).to(DEVICE)
    assert_the_twin(model)


def test_bf16_is_one_part(monkeypatch):
    model = make("BACON", 2)
    model.backend = "triton"
    asked = []
    original = kernels.heads
    monkeypatch.setattr(kernels, "heads", lambda *given: asked.append(given[2]) or original(*given))
    points = model.lattice.points(DEVICE)
    with torch.no_grad():
        model(points)
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            model(points)
    assert asked == [2, 1]


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_products_of_float32_are_left_to_others(precision):
    model = make("Siren", 2)
    assert precision in model.refuses("triton", precision)
    assert model.refuses("triton", "bf16x3") is None
    assert model.refuses("inductor", precision) is None
