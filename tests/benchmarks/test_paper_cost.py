"""The cost of the whole paper: its plain loop trains as the suite does, its cells and trials are those of
docs/protocol.md, and calls add up."""

import copy
import dataclasses
import json
from collections import Counter

import pytest
import torch

import cost_table
import models
import paper_cost
import plain_loop
from cells import cells_to_measure, name_of
from harness.plan import cost
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.train.data import signal_of
from harness.train.fit import fit
from harness.train.run_trial import build, make_schedule, solve
from models.kernels.network import layers
from plain_loop import PlainLoop
from target_signals.tasks.base import make_task

TRAINED = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "GSplat", "Grid", "Grid_TV"]


@pytest.fixture
def start(config):
    """A tiny trial's model with its initial values, its task, and the trial."""

    def make(name, **changes):
        preset = dataclasses.replace(config.preset("smoke", "StarTarget", 2), length={"2": 12})
        (trial,) = make_plan(config, choose_source("StarTarget", 2), ["fit"], preset, [name])
        trial = dataclasses.replace(trial, steps=3, **changes)
        task = make_task("fit", signal_of(trial))
        return build(trial, task, solve(trial, task)[0]), task, trial

    return make


# The loops that are measured against


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("name", ["Siren", "Wire", "BACON", "GAPlane", "GSplat", "Grid_TV"])
def test_a_plain_loop_ends_where_the_suites_does(start, name, careful):
    model, task, trial = start(name)
    twin = copy.deepcopy(model)
    loop = PlainLoop(model, task, trial.lr, None, careful)
    assert [loop.one_pass() for _ in range(3)] == [1, 1, 1]
    fit(twin, task, make_schedule(trial), torch.Generator())
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert (one - other).norm() <= 1e-3 * other.norm() + 1e-6


@pytest.mark.parametrize("careful", [False, True])
def test_a_pass_in_batches_sees_every_point_once(start, monkeypatch, careful):
    model, task, _ = start("Grid")
    loop, seen = PlainLoop(model, task, 1e-9, 50, careful), []
    heads = model.heads
    monkeypatch.setattr(loop, "heads", lambda x: seen.append(x) or heads(x))
    assert loop.one_pass() == 3
    assert [len(x) for x in seen] == [50, 50, 44]
    expected = task.lattice.points("cpu")
    in_order = torch.cat(seen)
    assert torch.equal(in_order, expected) == careful
    assert sorted(in_order.tolist()) == sorted(expected.tolist())


@pytest.mark.parametrize(("name", "products"), [("FourFeat", 1), ("Siren", 1), ("BACON", 5), ("GAPlane", 0)])
def test_a_plain_loop_reads_coordinates_by_products(start, monkeypatch, name, products):
    model, task, trial = start(name)
    linear, seen, before = plain_loop.F.linear, [], layers.affine
    monkeypatch.setattr(plain_loop.F, "linear", lambda x, *rest: seen.append(x.shape) or linear(x, *rest))
    PlainLoop(model, task, trial.lr, None, careful=False).one_pass()
    assert seen.count((len(task.lattice), 2)) == products
    assert layers.affine is before


# The paper's trials


def test_the_papers_trials_are_the_specifications(config):
    trials = cost_table.paper_trials(config, TRAINED)
    found = Counter((trial.model, trial.dim) for trial in trials)
    in_2d = 2 * 9 * 5 * 6 + 9 * 6 + 5 * 6 + 10 * 3 * 6 + 6
    in_3d = 2 * 9 * 5 * 6 + 2 * 6
    assert found == Counter(
        {(name, dim): n for name in TRAINED for dim, n in ((2, in_2d), (3, in_3d)) if (name, dim) != ("GSplat", 3)}
    )


def cell(model, dim, size, plain, careful, suite, points=10**6):
    loops = {"plain": plain, "careful": careful, "suite": suite}
    base = {"updates": 1, "peak_bytes": 2 * 10**9, "ready_seconds": 1.0}
    found = {name: {"failed": "out of memory"} if ms is None else base | {"ms": ms} for name, ms in loops.items()}
    if suite is not None:
        found["suite"] |= {"backend": "triton", "recorded": True}
    about = {"model": model, "dim": dim, "size": size, "points": points, "channels": 1, "parameters": size}
    return about | found | {"precision": "tf32", "library": "torch", "commit": "abc"}


def table_of(cells, trials):
    data = {"device": "cuda: H200", "versions": {"torch": "2"}, "peaks": {"tf32": 400.0, "copy": 4000.0}}
    return cost_table.render(data | {"cells": dict(enumerate(cells))}, trials)


def line_of(text, name):
    """The other columns of the one row that is about `name`."""
    rows = [[part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    (row,) = (row for row in rows if row[0] == name)
    return row[1:]


def test_hours_weigh_cells_with_the_passes_and_points_of_their_trials(config):
    trials = [t for t in cost_table.paper_trials(config, ["Siren"]) if t.signal == "StarTarget" and t.budget == 10_000]
    assert len(trials) == 5
    text = table_of([cell("Siren", 2, 10_000, 36.0, 18.0, 3.6, points=500_000)], trials)
    # 5 trials of 1000 passes over 10⁶ points, twice those of the cell
    assert line_of(text, "Siren") == ["0.10 (1)", "0.05 (1)", "0.01 (1)", "10.0×", "5.0×"]
    assert "over 1 of the paper's 1 cells" in text


def test_plain_hours_leave_out_the_permutation_where_the_released_loop_has_none(config):
    every = cost_table.paper_trials(config, ["Siren"])
    star, images = ([t for t in every if t.budget == 10_000 and t.signal == name] for name in ("StarTarget", "DIV2K"))
    one = cell("Siren", 2, 10_000, 36.0, 18.0, 3.6)
    one["in order"] = one["plain"] | {"ms": 18.0}
    text = table_of([one], star + images)
    assert line_of(text, "Siren 2D 10,000")[:2] == ["36", "18"]
    hours = (36 * len(star) * 10**6 + 18 * len(images) * 339 * 510) / 3.6e6 / 1e3  # 1000 passes, 10⁶ points a cell
    assert line_of(text, "Siren")[0] == f"{hours:.2f} (1)"


def test_a_cell_gives_its_rate_and_its_speed_up():
    text = table_of([cell("Siren", 2, 100_000, 30.0, 20.0, 3.0), cell("Grid", 3, 100_000, 4.0, 2.0, 1.0)], [])
    siren, grid = line_of(text, "Siren 2D 100,000"), line_of(text, "Grid 3D 100,000")
    assert siren[:7] == ["30", "20", "3", "10.0×", "6.7×", "200 TFLOP/s", "50 %"]
    assert grid[5:7] == ["7.2 GB/s", "0 %"]
    assert siren[-1] == "triton tf32 graph"
    assert line_of(text, "100,000") == ["4.0×", "6.3×", "2.0×", "3.7×"]


def test_a_loop_that_failed_is_named_and_left_out(config):
    trials = cost_table.paper_trials(config, ["Siren"])
    text = table_of([cell("Siren", 2, 10_000, None, 20.0, 3.0), cell("Siren", 3, 10_000, 8.0, 4.0, 1.0)], trials)
    assert "- Siren 2D 10,000, plain: out of memory" in text
    assert line_of(text, "all")[0].endswith(" (1)")
    assert line_of(text, "all")[2].endswith(" (2)")
    # 104 + 5.3 million points a pass in 2D, 92 in 3D
    assert line_of(text, "all")[3:] == ["8.0×", "6.1×"]
    assert "over 2 of the paper's 12 cells" in text
    assert "not measured: Siren 2D 30,000" in text


def test_a_compiled_loop_has_a_column_of_its_own():
    one, other = cell("Siren", 2, 10_000, 30.0, 20.0, 2.0), cell("Grid", 2, 10_000, 4.0, 2.0, 1.0)
    one["compiled"] = one["careful"] | {"ms": 10.0}
    text = table_of([one, other], [])
    assert line_of(text, "Siren 2D 10,000")[:7] == ["30", "20", "10", "2", "15.0×", "10.0×", "5.0×"]
    assert line_of(text, "Grid 2D 10,000")[:7] == ["4", "2", "–", "1", "4.0×", "2.0×", "–"]


# From end to end


def test_cells_of_several_calls_add_up_in_one_file(tmp_path, capsys):
    out = tmp_path / "cost.json"
    common = ["--device", "cpu", "--sizes", "2500", "--seconds", "0.003", "--out", str(out)]
    assert paper_cost.main([*common, "--length", "12", "--dims", "2", "--models", "Grid", "GSplat", "Wavelet"]) == 0
    assert paper_cost.main([*common, "--length", "6", "--models", "Siren", "GSplat"]) == 0
    cells = json.loads(out.read_text())["cells"]
    assert list(cells) == ["Grid 2D 2500", "GSplat 2D 2500", "Siren 2D 2500", "Siren 3D 2500"]
    for found in cells.values():
        assert all(found[loop]["ms"] > 0 and found[loop]["updates"] == 1 for loop in ("plain", "careful", "suite"))
        assert (found["suite"]["backend"], found["suite"]["recorded"]) == ("torch", False)
    assert cells["Grid 2D 2500"]["points"] == 144
    capsys.readouterr()
    assert paper_cost.main(["--table", str(out)]) == 0
    text = capsys.readouterr().out
    assert all(f"| {name} 2,500" in text for name in ("Grid 2D", "GSplat 2D", "Siren 2D", "Siren 3D"))


def test_the_cells_are_the_papers(config):
    trials = cells_to_measure(config, TRAINED, (2, 3), None)
    sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000]
    expected = [(name, dim, size) for size in sizes for dim in (2, 3) for name in TRAINED]
    assert [(trial.model, trial.dim, trial.budget) for trial in trials] == expected
    assert {trial.length for trial in trials} == {1000, 100}
    batched = {(trial.model, trial.budget) for trial in trials if trial.minibatch == 400_000}
    assert batched == {(name, 3_000_000) for name in TRAINED if name != "GSplat"} | {("Wire", 1_000_000)}


@pytest.fixture
def measured(monkeypatch):
    """The names of the cells that paper_cost measures; nothing is."""
    names = []

    def measure(trial, *_):
        names.append(name_of(trial))
        return cell(trial.model, trial.dim, trial.budget, 4, 2, 1)

    monkeypatch.setattr(paper_cost.timed_loops, "measure", measure)
    monkeypatch.setattr(paper_cost, "measure_peaks", lambda device: {"tf32": 1.0, "copy": 1.0})
    return names


def test_budgets_come_in_the_order_asked_for_then_dimensions_then_models(measured):
    orders = ["--models", "Siren", "Grid", "--sizes", "1e5", "1e4", "--dims", "3", "2"]
    assert paper_cost.main(["--device", "cpu", *orders]) == 0
    sizes = (100_000, 10_000)
    assert measured == [f"{name} {dim}D {size}" for size in sizes for dim in (3, 2) for name in ("Siren", "Grid")]


def test_a_call_goes_on_where_the_last_one_stopped(measured, tmp_path):
    call = ["--device", "cpu", "--models", "Grid", "--dims", "2", "--out", str(tmp_path / "cost.json"), "--sizes"]
    assert paper_cost.main([*call, "1e5"]) == 0
    assert paper_cost.main([*call, "1e5", "1e4"]) == 0
    assert measured == ["Grid 2D 100000", "Grid 2D 10000", "Grid 2D 100000"]


def test_a_failing_back_end_gives_way_to_no_other(tmp_path, capsys, monkeypatch):
    def fails(self, lattice):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(models.get_model("Grid"), "heads_on_lattice", fails)
    common = ["--device", "cpu", "--seconds", "0.001", "--length", "6", "--dims", "2", "--sizes", "2500"]
    assert paper_cost.main([*common, "--models", "Grid"]) == 1
    assert "- Grid 2D 2,500, suite: RuntimeError: no such kernel" in capsys.readouterr().out


def test_the_careful_loop_is_compiled_when_asked_for(tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda function: compiled.append(function.__name__) or function)
    out = tmp_path / "cost.json"
    common = ["--device", "cpu", "--seconds", "0.001", "--length", "6", "--dims", "2", "--sizes", "2500"]
    assert paper_cost.main([*common, "--models", "Grid", "GSplat", "--compile", "--out", str(out)]) == 0
    assert compiled == ["heads", "heads_on_lattice"]
    assert json.loads(out.read_text())["cells"]["Grid 2D 2500"]["compiled"]["ms"] > 0


@pytest.mark.filterwarnings("ignore")  # PyTorch's compiler has some
def test_a_cell_compiles_for_its_own_shape_alone(monkeypatch):
    """Whatever was measured before it: two shapes of one function and PyTorch would compile the second for any."""
    shapes = []

    def backend(graph, inputs):
        shapes.append([value.shape for value in inputs if value.ndim == 2])
        return graph.forward

    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function: real(function, backend=backend))
    common = ["--device", "cpu", "--seconds", "0.001", "--sizes", "2500", "--models", "Siren", "--compile"]
    assert paper_cost.main([*common, "--length", "6"]) == 0
    assert len(shapes) == 2
    assert all(type(n) is int for found in shapes for shape in found for n in shape)


def test_without_a_compiler_the_careful_loop_is_not_compiled_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(torch, "compile", None)
    common = ["--device", "cpu", "--seconds", "0.001", "--length", "6", "--dims", "2", "--sizes", "2500"]
    assert paper_cost.main([*common, "--models", "Grid", "--compile"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(
        "the careful loop is not compiled: there is no g++ or clang++ and $CXX names no compiler\n"
    )
    assert "compiled" not in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "tf32", "--device", "cpu"], "precision tf32 exists on CUDA devices only"),
        (["--table", "absent.json"], "cannot read 'absent.json'"),
        (["--backend", "gsplat", "--models", "Grid", "--device", "cpu"], "Grid has no back end 'gsplat'"),
        (["--models", "Gird"], "unknown model 'Gird'"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, message):
    assert paper_cost.main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_times_of_two_machines_do_not_mix(tmp_path, capsys):
    out = tmp_path / "cost.json"
    out.write_text(json.dumps({"device": "cuda: H200", "versions": {"torch": "2.6"}, "peaks": {}, "cells": {}}))
    assert paper_cost.main(["--device", "cpu", "--out", str(out)]) == 2
    assert "holds times of cuda: H200 with torch 2.6" in capsys.readouterr().err


def test_estimates_take_the_suites_times_of_the_cells_that_were_measured(monkeypatch, tmp_path, capsys):
    known = {"machine": "a GPU", "points": {"2D": 100}, "ms_per_pass": {"Siren 2D": {"100000": 5.0, "3000000": 9.0}}}
    monkeypatch.setattr(cost, "TIMES", tmp_path / "times.json")
    cost.TIMES.write_text(json.dumps({"cuda": known, "cpu": {}}))
    cell = {"model": "Siren", "dim": 2, "points": 100, "commit": "0123456789", "suite": {"ms": 1.23456}}
    cells = [cell | {"size": size} for size in (10_000, 100_000)] + [cell | {"size": 30_000, "suite": {"failed": "?"}}]
    data = {"device": "cuda: a GPU", "versions": {}, "peaks": {}, "cells": dict(enumerate(cells))}
    (tmp_path / "cost.json").write_text(json.dumps(data))
    assert paper_cost.main(["--write", str(tmp_path / "cost.json")]) == 0
    found = json.loads(cost.TIMES.read_text())
    times = found["cuda"]["ms_per_pass"]["Siren 2D"]
    assert list(times.items()) == [("10000", 1.23), ("100000", 1.23), ("3000000", 9.0)]
    assert found["cuda"]["commits"] == {"Siren 2D": {"10000": "0123456", "100000": "0123456"}}
    data["cells"][0]["points"] = 99
    (tmp_path / "cost.json").write_text(json.dumps(data))
    assert paper_cost.main(["--write", str(tmp_path / "cost.json")]) == 2
    assert "holds times at 100 points, not as many as here" in capsys.readouterr().err
