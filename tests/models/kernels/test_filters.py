"""Narrow networks of filters, several layers in one kernel, against the same networks in double precision."""

import dataclasses

import pytest
import torch

from models.kernels.network import layers
from models.kernels.network.layers import Layer
from tests.models.kernels.errors import relative
from tests.models.kernels.networks import (
    DEVICE,
    GRADIENTS,
    VALUES,
    assert_same,
    assert_same_values,
    draw_network,
    draw_points,
    single,
    tensors,
)

pytest.importorskip("triton", reason="Triton is not installed here")
one_kernel = pytest.importorskip("one_kernel")
fused = pytest.importorskip("models.kernels.network.layers_triton")
filters = pytest.importorskip("models.kernels.network.narrow.filters.network")
one_kernel = pytest.importorskip("one_kernel")

PLANE, SOLID = (0, 1, 2, 3, 4), (2, 2, 2, 4, 4, 6, 6, 8, 8)  # the paper's filters, of which layers share some
READ = {5: (1, 2, 4), 9: (2, 4, 6, 8)}


def draw(shared=PLANE, width: int = 40, dim: int = 2, channels: int = 1) -> list[Layer]:
    """A network as BACON declares it."""
    first, *others = draw_network("filter", dim, [width] * len(shared), channels, seed=1)
    own = [layer.filter for layer in draw_network("filter", dim, [width] * (max(shared) + 2), channels, seed=2)[1:]]
    omega, phase = own[shared[0]]
    found = [dataclasses.replace(first, weight=omega, bias=phase)]
    for i, layer in enumerate(others, start=1):
        head = layer.head if i in READ[len(shared)] else None
        found.append(dataclasses.replace(layer, filter=own[shared[i]], head=head))
    return found


@pytest.fixture
def ran(calls):
    """What runs in kernels of several layers."""
    return calls(filters, "heads")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dim", "shared"), [(2, PLANE), (3, SOLID)])
def test_the_papers_networks_in_grey_and_in_colour(dim, shared, channels, ran):
    """Points are of more tiles than there are programs, and the last one is not full."""
    assert_same(fused.heads, draw(shared, dim=dim, channels=channels), draw_points(300, dim), 1)
    assert len(ran) == 1


@pytest.mark.parametrize("groups", [((0, 5),), ((3, 5), (0, 3)), ((4, 5), (1, 4), (0, 1))], ids=len)
def test_every_cut_into_groups_has_the_same_gradients(groups, monkeypatch):
    monkeypatch.setitem(filters.CUTS, 5, filters.Cut(groups, filters.Tiles(64, 4, 1), filters.Tiles(128, 8, 1)))
    assert_same(fused.heads, draw(width=48), draw_points(150, 2), 1)


def test_a_filter_that_is_met_once_more_later():
    assert_same(fused.heads, draw((0, 1, 0, 2, 1)), draw_points(70, 2), 1)


def of_biases_alone(network: list[Layer], frequencies) -> list[Layer]:
    """The same without weights, each frequency as the function has it: no bf16 stands before the heads."""
    found, made = [], {}
    for layer in network:
        own = layer.filter or (layer.weight, layer.bias)
        omega = made.setdefault(id(own[1]), frequencies(own[0]).float().double())
        if layer.filter is None:
            found.append(dataclasses.replace(layer, weight=omega))
        else:
            weight = torch.zeros_like(layer.weight)
            found.append(dataclasses.replace(layer, weight=weight, filter=(omega, own[1])))
    return found


def any_frequencies(omega: torch.Tensor) -> torch.Tensor:
    return 200 * omega


def whole_cycles(omega: torch.Tensor) -> torch.Tensor:
    """Of BACON: whole over the interval's length of 2."""
    return torch.pi * (64 * omega).round()


@pytest.mark.parametrize(
    ("dim", "shared", "frequencies"),
    [(1, PLANE, any_frequencies), (2, PLANE, any_frequencies), (2, PLANE, whole_cycles), (3, SOLID, whole_cycles)],
)
def test_phases_of_hundreds_of_radians_and_biases_are_as_good_as_float32(dim, shared, frequencies):
    network = of_biases_alone(draw(shared, dim=dim), frequencies)
    points = draw_points(200, dim).float().double()
    expected = layers.heads(network, points.split(1, dim=1)).detach()
    assert max(float((points @ layer.filter[0].T).abs().max()) for layer in network[1:]) > 300
    assert relative(filters.heads(single(network), points.float()).detach(), expected) < 1e-4


def unlike(i: int, **changes) -> list[Layer]:
    found = draw()
    found[i] = dataclasses.replace(found[i], **changes)
    return found


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (draw(), 2),
        (draw(width=56), 1),
        (draw(width=24), 1),
        (draw(channels=2), 1),
        (unlike(4, head=None), 1),
        (unlike(0, weight=draw()[0].weight.clone().requires_grad_()), 1),
        (unlike(2, activation="sine"), 1),
        (draw_network("filter", 2, [40] * 4, 1, seed=1), 1),
    ],
    ids=[
        "bf16x3",
        "wide",
        "too narrow",
        "two channels",
        "no head at the end",
        "trained frequencies",
        "a sine between",
        "shallow",
    ],
)
def test_others_run_layer_by_layer(network, parts, ran):
    points = draw_points(20, network[0].weight.shape[1])
    assert_same_values(fused.heads, network, single(network), points, parts)
    assert ran == []


def test_what_is_not_trained_has_no_gradient(ran):
    network = single(draw())
    network[2] = dataclasses.replace(network[2], weight=network[2].weight.detach())
    fused.heads(network, draw_points(50, 2).float(), 1).sum().backward()
    assert all(x.grad is not None for x in tensors(network))
    assert len(ran) == 1


@pytest.mark.gpu
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_a_million_points(dim, channels, ran):
    options = one_kernel.parse(["--models", "BACON", "--dims", str(dim)])
    (trial,) = one_kernel.trials("BACON", options)
    model = one_kernel.draw(trial, channels, torch.device(DEVICE))
    forward, both = one_kernel.functions(model, "bf16")
    found, gradients = forward().detach(), both()
    assert ran
    model.backend = "torch"
    forward, both = one_kernel.functions(model, "fp32")
    assert relative(found, forward()) < VALUES[1]
    for ours, theirs in zip(gradients, both(), strict=True):
        assert relative(ours, theirs) < GRADIENTS
