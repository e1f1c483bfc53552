"""The benchmark of narrow networks' kernels; it stands here, where Triton's interpreter runs them without a GPU."""

import pytest
import torch

from common.lattice import Lattice
from models import get_model
from tests.models.kernels.networks import DEVICE, GRADIENTS

pytest.importorskip("triton", reason="Triton is not installed here")
one_kernel = pytest.importorskip("one_kernel")
elementwise = one_kernel.elementwise


@pytest.fixture
def table(monkeypatch, capsys):
    """The cells of what the benchmark prints for these arguments, row by row."""
    monkeypatch.setattr(one_kernel, "TURNS", 1)

    def measure(*arguments):
        one_kernel.main([*arguments, "--device", DEVICE])
        _, headings, _, *rows = capsys.readouterr().out.splitlines()
        cells = [line.strip("| ").split(" | ") for line in [headings, *rows]]
        assert {len(row) for row in cells} == {len(one_kernel.HEADINGS)}
        return cells[1:]

    return measure


@pytest.mark.parametrize("model", ["HOSC", "Wire"])
def test_both_ways_also_where_one_kernel_is_no_default(model, table, calls):
    ran = calls(one_kernel.MODELS[model], "heads")
    ((name, *times, _, _, _, registers),) = table("--models", model, "--dims", "3", "--channels", "3", "--length", "4")
    assert name == f"{model} 3D 10,000, channels: 3"
    assert all(float(time) > 0 for time in times)
    assert len(ran) == 3
    assert registers.startswith("forward")


def test_errors_are_those_of_the_two_ways_and_of_float32(table, monkeypatch):
    def wrong(layers, points):
        return 1.5 * heads(layers, points)

    heads = elementwise.heads
    row = ["--models", "Siren", "--dims", "2", "--length", "8"]
    between, a_layer, one = map(float, table(*row)[0][5:8])
    assert 0 < max(between, a_layer, one) < GRADIENTS
    monkeypatch.setattr(elementwise, "heads", wrong)
    between, again, one = map(float, table(*row)[0][5:8])
    assert again == a_layer
    assert min(between, one) > 0.4


def test_each_cut_has_a_row_and_runs(table, calls, monkeypatch):
    cuts = dict([*one_kernel.CUTS[2].items()][:2])
    monkeypatch.setitem(one_kernel.CUTS, 2, cuts)
    ran = calls(one_kernel.filters._Heads, "apply")
    rows = table("--models", "BACON", "--dims", "2", "--length", "3", "--cuts")
    assert [row[0] for row in rows] == [f"BACON 2D 10,000, channels: 1, {words}" for words in cuts]
    assert list(dict.fromkeys(network.cut for _, network, *_ in ran)) == [*cuts.values()]


@pytest.mark.parametrize("dim", [2, 3])
def test_cuts_have_every_layer_once_from_the_top_and_what_is_used_is_one(dim):
    depth = {2: 5, 3: 9}[dim]  # layers of the paper's networks
    cuts = one_kernel.CUTS[dim].values()
    assert one_kernel.filters.CUTS[depth] in cuts
    for cut in cuts:
        assert [i for bottom, top in reversed(cut.groups) for i in range(bottom, top)] == list(range(depth))


def test_a_row_for_each_model_dimension_and_number_of_channels(table, monkeypatch):
    def measured(trial, channels, _):
        return [trial.model, str(trial.dim), str(channels), *(len(one_kernel.HEADINGS) - 3) * ["1"]]

    monkeypatch.setattr(one_kernel, "measured", measured)
    rows = table("--models", "HOSC", "Siren", "--dims", "3", "2", "--channels", "1", "3")
    expected = [[model, dim, channels] for model in ("HOSC", "Siren") for dim in "32" for channels in "13"]
    assert [row[:3] for row in rows] == expected


def test_what_is_measured_fits(monkeypatch):
    def measured(trial, channels, _):
        lattice, cls = Lattice.regular(trial.dim * (4,)), get_model(trial.model)
        model = cls(trial.settings, lattice, channels, cls.solve_size(trial.settings, lattice, channels, trial.budget))
        parts = 1 if model.precision == "bf16" else 2
        assert one_kernel.MODELS[trial.model].fits(model.chain(), lattice.points("cpu"), parts)
        return [trial.model]

    monkeypatch.setattr(one_kernel, "measured", measured)
    one_kernel.main(["--models", *one_kernel.MODELS, "--dims", "2", "3", "--channels", "1", "3", "--device", "cpu"])


def test_no_graph_of_gradients_is_kept_alive(table, monkeypatch):
    """One that outlives its call was made on another stream than that on which CUDA records."""
    old, grad = [], torch.autograd.grad

    def watched(loss, parameters):
        node = parameters[0].view(-1).grad_fn.next_functions[0][0]  # where the parameter's gradient arrives
        old.append("met before" in node.metadata)
        node.metadata["met before"] = True
        return grad(loss, parameters)

    monkeypatch.setattr(torch.autograd, "grad", watched)
    table("--length", "6")
    assert len(old) > 2
    assert not any(old)
