"""Narrow networks, all layers in one kernel, against the same networks in double precision."""

import dataclasses

import pytest
import torch

import one_kernel
from common.lattice import Lattice
from models import get_model
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
narrow = pytest.importorskip("models.kernels.network.narrow.elementwise.network")

WIDTHS = [40, 56, 63, 33]


def draw_points(n: int, dim: int = 2) -> torch.Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE) * 2 - 1


def draw(widths: list[int], dim: int = 2, channels: int = 1, activation: str = "sine") -> list[Layer]:
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


def test_more_tiles_than_programs_and_a_last_one_that_is_not_full(calls):
    assert_same(fused.heads, draw(WIDTHS), draw_points(333), 2)
    assert calls == [4]


@pytest.mark.parametrize(("dim", "channels"), [(1, 1), (3, 3)])
def test_kernels_are_for_any_dimension_and_number_of_channels(dim, channels):
    network = draw([24, 40], dim, channels)
    assert_same(lambda network, points, _: narrow.heads(network, points), network, draw_points(140, dim), 2)


@pytest.mark.parametrize("activation", narrow.ACTIVATIONS)
def test_every_activation_in_solids_and_in_colour(activation, calls):
    assert_same(fused.heads, draw(WIDTHS, 3, 3, activation), draw_points(140, 3), 2)
    assert calls == [4]


def test_slopes_beyond_half_precision_are_the_largest_that_there_is():
    """Finer's grow with the argument."""
    steep = [dataclasses.replace(layer, constants=(1e5, 0.0)) for layer in single(draw(WIDTHS, activation="finer"))]
    narrow.heads(steep, draw_points(50).float()).sum().backward()
    assert all(x.grad.isfinite().all() for x in tensors(steep))


def test_phases_of_thousands_of_radians():
    points = draw_points(200).float().double()
    first, second = draw([16, 16])
    steep = [dataclasses.replace(first, weight=3000 * first.weight.detach().float().double()), second]
    found = narrow.heads(single(steep), points.float())
    assert relative(found.detach(), layers.heads(steep, points.split(1, dim=1)).detach()) < 2e-3


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
def test_others_run_layer_by_layer(network, parts, calls):
    points = draw_points(20, network[0].weight.shape[1])
    found = fused.heads(single(network), points.float(), parts)
    assert relative(found.detach(), layers.heads(network, points.split(1, dim=1)).detach()) < VALUES[parts]
    assert calls == []


def test_what_is_not_trained_has_no_gradient(calls):
    network = single(draw(WIDTHS))
    network[0] = dataclasses.replace(network[0], weight=network[0].weight.detach())
    fused.heads(network, draw_points(50).float(), 2).sum().backward()
    assert all(x.grad is not None for x in tensors(network))
    assert calls == [4]


@pytest.mark.parametrize(("model", "dim", "length"), [("Siren", "3", "6"), ("HOSC", "2", "8")])
def test_the_benchmark_tells_of_both_ways_also_where_one_kernel_is_no_default(model, dim, length, capsys, calls):
    one_kernel.main(
        ["--models", model, "--dims", dim, "--channels", "3", "--length", length, "--device", DEVICE],
    )
    name, *times, error, registers = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert name == f"{model} {dim}D 10,000, channels: 3"
    assert len(times) == 4
    assert all(float(time) > 0 for time in times)
    assert 0 < float(error) < GRADIENTS
    assert registers.startswith("forward ")
    assert len(calls) > 1


def test_the_benchmark_has_a_row_for_each_model_dimension_and_number_of_channels(capsys, monkeypatch):
    monkeypatch.setattr(one_kernel, "measured", lambda trial, *rest: [trial.model, str(trial.dim), str(rest[0])])
    one_kernel.main(["--models", "HOSC", "Siren", "--dims", "3", "2", "--channels", "1", "3", "--device", "cpu"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[-8:]]
    assert rows == [[model, dim, channels] for model in ("HOSC", "Siren") for dim in "32" for channels in "13"]


def test_what_the_benchmark_measures_fits(monkeypatch):
    def measured(trial, channels, _):
        lattice, cls = Lattice.regular(trial.dim * (4,)), get_model(trial.model)
        model = cls(trial.settings, lattice, channels, cls.solve_size(trial.settings, lattice, channels, trial.budget))
        parts = 1 if model.precision == "bf16" else 2
        assert one_kernel.MODELS[trial.model].fits(model.chain(), lattice.points("cpu"), parts)
        return [trial.model]

    monkeypatch.setattr(one_kernel, "measured", measured)
    one_kernel.main(["--models", *one_kernel.MODELS, "--dims", "2", "3", "--channels", "1", "3", "--device", "cpu"])


def test_the_benchmark_keeps_no_graph_of_gradients_alive(monkeypatch):
    """One that outlives its call was made on another stream than that on which CUDA records."""
    old, grad = [], torch.autograd.grad

    def watched(loss, parameters):
        node = parameters[0].view(-1).grad_fn.next_functions[0][0]  # where the parameter's gradient arrives
        old.append("met before" in node.metadata)
        node.metadata["met before"] = True
        return grad(loss, parameters)

    monkeypatch.setattr(torch.autograd, "grad", watched)
    one_kernel.main(["--length", "6", "--device", DEVICE])
    assert len(old) > 2
    assert not any(old)
