"""Narrow networks, all layers in one kernel, against the same networks in double precision."""

import dataclasses

import pytest
import torch

from models.kernels.network import layers
from models.kernels.network.activations import ELEMENTWISE
from tests.models.kernels.networks import DEVICE, GRADIENTS, VALUES, assert_same, draw_network, relative, single, tensors

fused = pytest.importorskip("models.kernels.network.layers_triton", reason="Triton is not installed here")
narrow = pytest.importorskip("models.kernels.network.narrow.network")

ACTIVATIONS = ("filter", "gabor", *ELEMENTWISE)


def draw_points(n: int, dim: int) -> torch.Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE) * 2 - 1


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """A network's depth, for every network that runs in one kernel."""
    found: list[int] = []
    heads = narrow.heads
    monkeypatch.setattr(narrow, "heads", lambda network, *rest: found.append(len(network)) or heads(network, *rest))
    return found


@pytest.mark.parametrize("parts", [2, 1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks_in_double_precision(activation, parts, calls):
    """More tiles than programs, the last one not full; layers of several widths; a head of three channels at all."""
    assert_same(fused.heads, draw_network(activation, 2, [24, 40, 32], 3, seed=1), draw_points(333, 2), parts)
    assert calls == [3]


@pytest.mark.parametrize("activation", ["filter", "gabor", "sine"])
def test_deep_networks_go_back_in_groups(activation, calls):
    network = draw_network(activation, 3, [16, 24, 16, 16, 24, 16, 8, 16, 24], 1, seed=2)
    found = [dataclasses.replace(layer, head=layer.head if i in (2, 3, 8) else None) for i, layer in enumerate(network)]
    assert_same(fused.heads, found, draw_points(150, 3), 2)
    assert calls == [9]


def test_coordinates_and_phases_count_to_their_last_bits(calls):
    points = draw_points(200, 2).float().double()
    first, second = draw_network("filter", 2, [16, 16], 1, seed=0)
    steep = dataclasses.replace(first, weight=3000 * first.weight.detach().float().double())
    found = fused.heads(single([steep, second]), points.float(), 2)
    assert relative(found.detach(), layers.heads([steep, second], points.split(1, dim=1)).detach()) < 2e-3
    assert calls == [2]


def test_gradients_of_the_first_layer_know_more_of_a_coordinate_than_bf16(calls):
    """Points that differ by less than bf16 tells apart, with gradients that cancel."""
    network = draw_network("sine", 2, [16, 16], 1, seed=0)
    points = (0.7 + 1e-3 * draw_points(128, 2)).float().double()
    own, signs = single(network), torch.sign(draw_points(128, 1))
    found = torch.autograd.grad((fused.heads(own, points.float(), 2)[0] * signs.float()).sum(), own[0].weight)[0]
    heads = layers.heads(network, points.split(1, dim=1))[0]
    expected = torch.autograd.grad((heads * signs).sum(), network[0].weight)[0]
    assert relative(found, expected) < GRADIENTS
    assert calls == [2]


@pytest.mark.parametrize(
    ("widths", "channels", "why"),
    [([64, 64], 1, "width"), ([16] * 10, 1, "depth"), ([16, 16], 6, "channels")],
)
def test_others_run_layer_by_layer(widths, channels, why, calls):
    network, points = draw_network("sine", 2, widths, channels, seed=0), draw_points(40, 2)
    found = fused.heads(single(network), points.float(), 2)
    assert relative(found.detach(), layers.heads(network, points.split(1, dim=1)).detach()) < VALUES[2]
    assert calls == [], why


def test_what_is_not_trained_has_no_gradient(calls):
    network = single(draw_network("sine", 2, [16, 24], 1, seed=0))
    network[0] = dataclasses.replace(network[0], weight=network[0].weight.detach())
    fused.heads(network, draw_points(50, 2).float(), 2).sum().backward()
    assert all(x.grad is not None for x in tensors(network))
    assert calls == [2]
