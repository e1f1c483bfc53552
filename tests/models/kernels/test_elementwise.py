"""Narrow networks, all layers in one kernel, against the same networks in double precision."""

import dataclasses

import pytest

from models.kernels.network import layers
from models.kernels.network.layers import Layer
from tests.models.kernels.errors import relative
from tests.models.kernels.networks import (
    assert_same,
    assert_same_values,
    draw_network,
    draw_points,
    single,
    tensors,
    with_one_head,
)

fused = pytest.importorskip("models.kernels.network.layers_triton", reason="Triton is not installed here")
narrow = pytest.importorskip("models.kernels.network.narrow.elementwise.network")

WIDTHS = [40, 56, 63, 33]


def draw(widths: list[int], dim: int = 2, channels: int = 1, activation: str = "sine") -> list[Layer]:
    return with_one_head(draw_network(activation, dim, widths, channels, seed=1))


@pytest.fixture
def ran(calls):
    """What runs in kernels of several layers."""
    return calls(narrow, "heads")


def test_more_tiles_than_programs_and_a_last_one_that_is_not_full(ran):
    assert_same(fused.heads, draw(WIDTHS), draw_points(333, 2), 2)
    assert len(ran) == 1


@pytest.mark.parametrize(("dim", "channels"), [(1, 1), (3, 3)])
def test_kernels_are_for_any_dimension_and_number_of_channels(dim, channels):
    network = draw([24, 40], dim, channels)
    assert_same(lambda network, points, _: narrow.heads(network, points), network, draw_points(140, dim), 2)


@pytest.mark.parametrize("activation", narrow.ACTIVATIONS)
def test_every_activation_in_solids_and_in_colour(activation, ran):
    assert_same(fused.heads, draw(WIDTHS, 3, 3, activation), draw_points(140, 3), 2)
    assert len(ran) == 1


def test_slopes_beyond_half_precision_are_the_largest_that_there_is():
    """Finer's grow with the argument."""
    steep = [dataclasses.replace(layer, constants=(1e5, 0.0)) for layer in single(draw(WIDTHS, activation="finer"))]
    narrow.heads(steep, draw_points(50, 2).float()).sum().backward()
    assert all(x.grad.isfinite().all() for x in tensors(steep))


def test_phases_of_thousands_of_radians():
    points = draw_points(200, 2).float().double()
    first, second = draw([16, 16])
    steep = [dataclasses.replace(first, weight=3000 * first.weight.detach().float().double()), second]
    found = narrow.heads(single(steep), points.float())
    assert relative(found, layers.heads(steep, points.split(1, dim=1))) < 2e-3


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (draw([40, 40, 40, 64]), 2),
        (draw([40, 40, 40, 32]), 2),
        (draw([40, 40, 40]), 2),
        (draw(WIDTHS, dim=1), 2),
        (draw(WIDTHS, channels=2), 2),
        (draw(WIDTHS, activation="relu"), 2),
        ([*draw(WIDTHS)[:-1], draw(WIDTHS, activation="gauss")[-1]], 2),
        (draw_network("sine", 2, WIDTHS, 1, seed=1), 2),  # with heads in between
        (draw(WIDTHS), 1),
    ],
    ids=["wide", "too narrow", "shallow", "a line", "two channels", "relu", "two activations", "several heads", "bf16"],
)
def test_others_run_layer_by_layer(network, parts, ran):
    points = draw_points(20, network[0].weight.shape[1])
    assert_same_values(fused.heads, network, single(network), points, parts)
    assert ran == []


def test_what_is_not_trained_has_no_gradient(ran):
    network = single(draw(WIDTHS))
    network[0] = dataclasses.replace(network[0], weight=network[0].weight.detach())
    fused.heads(network, draw_points(50, 2).float(), 2).sum().backward()
    assert all(x.grad is not None for x in tensors(network))
    assert len(ran) == 1
