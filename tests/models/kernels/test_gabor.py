"""Narrow networks of Gabor wavelets, all layers in one kernel, against the same networks in double precision."""

import dataclasses

import pytest
import torch

import one_kernel
from models.kernels.network import layers
from models.kernels.network.layers import Layer
from tests.models.kernels.networks import (
    DEVICE,
    GRADIENTS,
    VALUES,
    assert_same,
    draw_network,
    relative,
    single,
    tensors,
)

fused = pytest.importorskip("models.kernels.network.layers_triton", reason="Triton is not installed here")
narrow = pytest.importorskip("models.kernels.network.narrow.gabor.network")

WIDTHS = [96, 80, 66]


def draw_points(n: int, dim: int = 2) -> torch.Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE) * 2 - 1


def draw(widths: list[int], dim: int = 2, channels: int = 1, activation: str = "gabor") -> list[Layer]:
    """A network with a head at its last layer alone."""
    *found, last = draw_network(activation, dim, widths, channels, seed=1)
    return [*(dataclasses.replace(layer, head=None) for layer in found), last]


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """The depth of every network that runs in one kernel."""
    found: list[int] = []
    heads = narrow.heads
    monkeypatch.setattr(narrow, "heads", lambda network, *rest: found.append(len(network)) or heads(network, *rest))
    return found


@pytest.mark.parametrize(("dim", "channels"), [(2, 1), (2, 3), (3, 1), (3, 3)])
def test_planes_and_solids_in_grey_and_in_colour(dim, channels, calls):
    assert_same(fused.heads, draw(WIDTHS, dim, channels), draw_points(140, dim), 2)
    assert calls == [3]


def test_more_tiles_than_programs_and_a_last_one_that_is_not_full(calls):
    assert_same(fused.heads, draw(3 * [96]), draw_points(333), 2)
    assert calls == [3]


def test_values_without_gradients_are_the_same_and_save_no_arguments(calls, monkeypatch):
    network, points = single(draw(WIDTHS)), draw_points(70).float()
    saves = []
    launch = narrow.forward_kernel.run
    monkeypatch.setattr(
        narrow.forward_kernel, "run", lambda *args, **named: saves.append(named["SAVES"]) or launch(*args, **named)
    )
    found = fused.heads(network, points, 2)
    with torch.no_grad():
        assert torch.equal(fused.heads(network, points, 2), found)
    assert saves == [True, False]


def test_what_vanishes_has_no_gradient_rather_than_none_that_is_a_number():
    """Far from its centre a wavelet is zero, and so is its slope."""
    network = single(draw(WIDTHS))
    far = [dataclasses.replace(network[0], bias=(1e4 * network[0].bias.detach()).requires_grad_()), *network[1:]]
    found = torch.autograd.grad(fused.heads(far, draw_points(50).float(), 2).sum(), tensors(far))
    assert all(x.isfinite().all() for x in found)


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (draw([96, 98, 96]), 2),
        (draw([96, 64, 96]), 2),
        (draw([96, 96]), 2),
        (draw([96, 96, 96, 96]), 2),
        (draw(WIDTHS, dim=1), 2),
        (draw(WIDTHS, channels=2), 2),
        ([*draw(WIDTHS)[:-1], dataclasses.replace(draw(WIDTHS)[-1], constants=(15.0, 5.0))], 2),
        (draw_network("gabor", 2, WIDTHS, 1, seed=1), 2),  # with heads in between
        (draw(WIDTHS), 1),
    ],
    ids=["wide", "narrow", "shallow", "deep", "a line", "two channels", "two widths", "several heads", "bf16"],
)
def test_others_run_layer_by_layer(network, parts, calls):
    points = draw_points(20, network[0].weight.shape[1])
    found = fused.heads(single(network), points.float(), parts)
    assert relative(found.detach(), layers.heads(network, points.split(1, dim=1)).detach()) < VALUES[parts]
    assert calls == []


def test_the_benchmark_tells_of_both_ways(capsys, calls, monkeypatch):
    monkeypatch.setattr(one_kernel, "TURNS", 1)
    one_kernel.main(["--models", "Wire", "--dims", "3", "--length", "3", "--device", DEVICE])
    name, *times, error, registers = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert name == "Wire 3D 10,000, channels: 1"
    assert len(times) == 4
    assert 0 < float(error) < GRADIENTS
    assert registers.startswith("forward ")
    assert len(calls) > 1


@pytest.mark.gpu
@pytest.mark.parametrize(("dim", "channels"), [(2, 1), (2, 3), (3, 1), (3, 3)])
def test_as_many_points_as_the_paper_has(dim, channels, calls):
    assert_same(fused.heads, draw(3 * [96], dim, channels), draw_points(1_000_000, dim), 2)
    assert calls == [3]
