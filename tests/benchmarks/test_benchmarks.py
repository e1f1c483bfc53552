"""The benchmarks run from end to end at tiny sizes, their plain loop trains as the suite does, and the paper's
trials are those of docs/protocol.md."""

import copy
import dataclasses
import json
import math
import re
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

import bookkeeping
import busy
import cost_table
import forecast
import kernels
import models
import overhead
import paper_cost
import parity
import parity_table
import plain_loop
import workers
from harness.commands import run as run_command
from harness.execution import run_trials
from harness.plan import cost
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.train.data import signal_of
from harness.train.fit import Fit, fit
from harness.train.run_trial import build, make_schedule, solve
from models.kernels.network import layers
from plain_loop import PlainLoop
from target_signals.tasks.base import make_task

TRAINED = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "GSplat", "Grid", "Grid_TV"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def config():
    return load_config()


@pytest.fixture
def start(config):
    """A tiny trial's model with its initial values, its task, and the trial."""

    def make(name, **changes):
        preset = dataclasses.replace(config.preset("smoke", "StarTarget", 2), length={"2": 12})
        (trial,) = make_plan(config, choose_source("StarTarget", 2), ["fit"], "smoke", preset, [name])
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


def test_the_tasks_are_the_launchers(root):
    found = {}
    for launcher in [*root.glob("run_*.sh"), root / "run_ct.py"]:
        text = re.sub(r'[",\[\]]', " ", launcher.read_text())
        signal, tasks = re.search(r"--signal\s+(\w+)", text), re.search(r"--task((?:\s+[a-z_]+)+)", text)
        if signal and tasks:
            found[signal[1]] = tuple(name for name in tasks[1].split() if name != "sys")
    assert found == cost_table.TASKS


@pytest.fixture(scope="module")
def root():
    from common.files import ROOT

    return ROOT


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
    trials = paper_cost.cells_to_measure(config, TRAINED, paper_cost.parse(["--precision", "tf32"]))
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
        names.append(paper_cost.name_of(trial))
        return cell(trial.model, trial.dim, trial.budget, 4, 2, 1)

    monkeypatch.setattr(paper_cost.cell, "measure", measure)
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


# Parity


def panel(out, *more):
    arguments = ["--device", "cpu", "--length", "12", "--steps", "2", "--sizes", "2500", "--out", str(out)]
    return parity.main([*arguments, *more])


def test_lines_add_up_seed_by_seed_and_nothing_is_repeated(tmp_path, capsys):
    out = tmp_path / "parity.jsonl"
    signals = ["--signals", "StarTarget", "Sierpinski", "--models", "Siren", "--precisions", "fp32", "bf16"]
    assert panel(out, *signals, "--seeds", "1") == 0
    assert panel(out, *signals, "--seeds", "1", "2") == 0
    lines = [json.loads(text) for text in out.read_text().splitlines()]
    assert [line["seed"] for line in lines] == [1] * 6 + [2] * 6
    assert [line["precision"] for line in lines] == ["fp32", "bf16"] * 6
    assert {line["backend"] for line in lines} == {"torch"}
    assert {line["case"] for line in lines} == {"StarTarget 2D", "Sierpinski 2D 0.3", "Sierpinski 2D 0.5"}
    capsys.readouterr()
    assert panel(out, "--models", "Siren", "Grid", "GAPlane", "--table") == 1
    said = capsys.readouterr().out
    assert "Siren in bf16x3: does not pass\nnot run: all 11 at 2,500\n" in said, "its own precision"
    assert "Siren in bf16: does not pass\n" in said
    assert "too few seeds: Sierpinski 2D 0.3 2,500 (2 of " in said
    assert "GAPlane" not in said, "whose own precision is float32"


def test_float32_is_trained_by_pytorch_alone_compiled_where_that_can_be(monkeypatch):
    lacking = []
    monkeypatch.setattr(parity.backends, "missing", lambda backend, device: "none" if backend in lacking else None)
    assert parity.exact_backend("Siren", "cpu") == "inductor"
    assert parity.exact_backend("GSplat", "cpu") == "torch", "which nobody compiles"
    lacking.append("inductor")
    assert parity.exact_backend("Siren", "cpu") == "torch"


def test_further_seeds_are_for_cells_that_spread(tmp_path, monkeypatch, config):
    def score(trial, device):
        wild = trial.bandlimit == 0.3
        psnr = 20 + (trial.seed % 7 if wild else 0) + (trial.precision == "bf16") * (trial.seed % 5 if wild else 0)
        row = {"status": "ok", "reason": None, "psnr": psnr, "psnr_best": psnr, "seconds": 1.0}
        return [SimpleNamespace(row=row | {"backend": "torch", "device": "cpu", "commit": "abc"})]

    monkeypatch.setattr(parity, "run_trial", score)
    out = tmp_path / "parity.jsonl"
    assert panel(out, "--signals", "Sierpinski", "--models", "Siren", "--precisions", "fp32", "bf16") == 0
    seeds = config.preset("paper", "StarTarget", 2).seeds
    asked = [*seeds, 7, 8]
    assert (
        panel(
            out,
            "--signals",
            "Sierpinski",
            "--models",
            "Siren",
            "--precisions",
            "fp32",
            "bf16",
            "--seeds",
            *map(str, asked),
        )
        == 0
    )
    found = [(line["seed"], line["bandlimit"]) for line in map(json.loads, out.read_text().splitlines())][::2]
    assert found == [(seed, band) for seed in seeds[:3] for band in (0.3, 0.5)] + [(seed, 0.3) for seed in asked[3:]]


def test_lines_of_other_settings_say_nothing(tmp_path, capsys):
    out = tmp_path / "parity.jsonl"
    star = ["--signals", "StarTarget", "--models", "Siren", "--precisions", "fp32", "bf16", "--seeds", "1"]
    assert panel(out, *star) == 0
    capsys.readouterr()
    assert panel(out, *star, "--table", "--steps", "3") == 1
    said = capsys.readouterr()
    assert said.err == "2 lines of other settings than today's say nothing\n"
    assert said.out.startswith("no trials\n")


def test_no_trial_begins_after_its_minutes(tmp_path):
    assert panel(tmp_path / "lines", "--models", "Grid", "--precisions", "fp32", "--minutes", "0") == 0
    assert not (tmp_path / "lines").exists()


def test_a_file_of_something_else_is_one_line(tmp_path, capsys):
    (tmp_path / "lines").write_text("{}\n")
    assert panel(tmp_path / "lines", "--table") == 2
    assert "give a file that this script wrote" in capsys.readouterr().err


def judged(case, exact, other, size=10_000, **changes):
    """The lines of a cell: a score in float32 and one in bf16 for each seed."""
    lines = []
    for seed, scores in enumerate(zip(exact, other, strict=True)):
        for precision, score in zip(("fp32", "bf16"), scores, strict=True):
            line = {"model": "Siren", "case": case, "size": size, "seed": seed, "precision": precision, "psnr": score}
            line |= {"status": "ok" if score is not None else "diverged", "reason": None}
            lines.append(line | {"device": "H200", "commit": "abc"})
            lines[-1] |= changes if precision == "bf16" else {}
    return lines


STEADY = judged("a", [20.0, 20.0, 20.05], [19.98, 20.01, 20.0])
WILD = judged("b", [20.0, 25.0, 30.0, 35.0, 22.0], [19.9, 25.2, 29.9, 34.9, 22.2])
LOSES = judged("b", [20.0, 25.0, 30.0, 35.0, 22.0], [18.0, 23.2, 28.5, 33.0, 20.5])
OPEN = judged("b", [20.0, 25.0, 30.0, 35.0, 22.0], [18.0, 23.5, 29.0, 34.5, 22.2])


@pytest.mark.parametrize(
    ("lines", "passes", "words"),
    [
        (STEADY + WILD, True, ["Siren in bf16: passes", "as good", "spread (1 cells, 5 seeds): -0.18 to +0.22 dB"]),
        (STEADY + WILD[:6], False, ["spreads", "too few seeds: b 10,000 (3 of 5)"]),
        (STEADY + LOSES, False, ["does not pass", "spreads", "next better: bf16x3\n"]),
        (STEADY + OPEN, False, ["does not pass", "next better: bf16x3, unless more seeds exclude the loss"]),
        (
            STEADY + judged("b", [20.0] * 3, [19.85] * 3),
            False,
            ["lower: b 10,000", "next better: bf16x3"],
        ),
        (STEADY + judged("b", [20.0, 25.0, 30.0], [19.85, 24.84, 29.86]), False, ["lower: b 10,000"]),
        (STEADY + judged("b", [20.0], [19.0]), False, ["too few seeds: b 10,000 (1 of 3)", "open"]),
        (STEADY + judged("b", [20.0, 20.0, 20.0], [20.0, None, 20.0]), False, ["lower: b 10,000", "fails"]),
        (STEADY + judged("b", [20.0] * 3, [20.0] * 3, reason="back end triton failed"), False, ["fails"]),
        (STEADY, False, ["not run: b 10,000"]),
    ],
)
def test_a_precision_passes_or_not(lines, passes, words):
    text, found = parity_table.render(lines, [("a", 10_000), ("b", 10_000)], {"Siren": "bf16"})
    assert found == passes
    for word in words:
        assert word in text
    assert parity_table.render(lines, [("a", 10_000), ("b", 10_000)], {"Siren": "fp32"})[1], "not its own any more"


def test_cells_beyond_the_panel_are_shown_and_not_judged():
    lines = STEADY + judged("a", [20.0], [10.0], size=1_000_000)
    text, passes = parity_table.render(lines, [("a", 10_000)], {"Siren": "bf16"})
    assert passes
    assert line_of(text, "a 1,000,000") == ["20.00", "10.00", "-10.00", "watched"]


def test_an_interval_is_students():
    low, high = parity_table.interval([0.0, 1.0, 2.0])
    assert (low, high) == pytest.approx((1 - 4.302653 / math.sqrt(3), 1 + 4.302653 / math.sqrt(3)), rel=1e-6)


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


def test_the_forecast_is_the_paper_on_so_many_devices(capsys):
    assert forecast.main(["--workers", "1", "1000000"]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()[2:]]
    *launches, together = rows
    assert together[0] == "together"
    assert sum(int(row[1].replace(",", "")) for row in launches) == int(together[1].replace(",", "")) == 15_774
    for name, _, *parts, alone, _ in launches:
        hours, share = alone.split()
        assert float(hours) == pytest.approx(sum(map(float, parts)), abs=0.03), name
        assert share.endswith("%)")
    hours = [float(row[6].split()[0]) for row in launches]
    assert float(together[6].split()[0]) <= sum(hours) + 0.05, "what is compiled once is compiled once"
    assert forecast.main(["--workers", "0"]) == 2
    assert capsys.readouterr().err.startswith("error: argument --workers: must be at least 1, got 0")


def test_the_forecast_of_a_folder_stands_beside_what_its_rows_say(capsys, tmp_path):
    words = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Wavelet"]
    assert run_command.main([*words, "--seeds", "1", "2", "3", "--no-figures", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert forecast.main(["--against", str(tmp_path)]) == 0
    head, shares, _, _, _, *rows, _ = capsys.readouterr().out.splitlines()
    assert head.startswith("5 trials that one worker made, "), "nobody knows when the last one ended"
    assert re.match(r"training is \d+% of their time; beside it, each takes \d+ ms \(median\)$", shares)
    found = {row[0]: row[1:] for row in ([cell.strip() for cell in line.split("|")[1:-1]] for line in rows)}
    assert [found[name][0] for name in ("Grid", "Wavelet", "all")] == ["3", "2", "5"]
    assert forecast.main(["--against", str(tmp_path / "absent")]) == 2


def test_a_share_is_told_where_there_is_something_to_compare_with():
    assert forecast.compared(100.0, 110.0) == "100.0 (+10 %)"
    assert forecast.compared(0.01, 1.0) == "0.0"


# Workers on one machine


def test_workers_are_compared_with_one_process(monkeypatch, capsys):
    """From the first trial's start to the last one's end, on the same trials."""
    asked = []

    def run(words):
        asked.append(words)
        return (3.0, 4, 2.0) if "--workers" in words else (2.0, 4, 2.0)

    monkeypatch.setattr(workers, "run", run)
    monkeypatch.setattr("sys.argv", ["workers.py", "--workers", "3", "--device", "cpu"])
    workers.main()
    alone, together = asked
    assert together == [*alone, "--workers", "3"]
    assert capsys.readouterr().out.splitlines()[-1] == "workers take 1.50 times as long as one process"


def test_a_trial_is_timed_alone_and_beside_busy_processes(monkeypatch, capsys):
    started = []
    process = SimpleNamespace(kill=lambda: started.pop(), wait=lambda: 0)
    monkeypatch.setattr(busy.subprocess, "Popen", lambda line: started.append(line) or process)
    alone, beside = iter([(2.0, 1.0), (2.5, 0.9)]), iter([(4.0, 3.0), (3.0, 5.0)])
    monkeypatch.setattr(busy, "seconds", lambda words: next(beside if len(started) == 3 else alone))
    busy.main(["--models", "Grid", "--busy", "3", "--turns", "2"])
    assert started == []
    assert capsys.readouterr().out.splitlines()[-1] == "| Grid | 2.00 | 3.00 | 1.50 | 0.90 | 3.00 |"


def test_seconds_of_a_trial_beside_others_are_those_of_its_row():
    processor, clock = busy.seconds([*busy.TRIAL, "--models", "Grid", "--sizes", "3e3", "--steps", "3"])
    assert processor > 0
    assert clock > 0


def test_a_run_is_timed_by_its_rows():
    words = ["--signal", "StarTarget", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Wavelet"]
    wall, rows, training = workers.run(words)
    assert rows == 2
    assert 0 < training < wall


# What the suite itself takes


def test_the_parts_of_a_trial_make_its_wall_time(capsys):
    record = Fit.record
    words = "--preset smoke --models Grid Grid_exact --steps 3 --device cpu"
    overhead.main(words.split())
    first, *parts, last = capsys.readouterr().out.splitlines()
    count, total = re.match(r"(\d+) trials of smoke in ([\d.]+) s", first).groups()
    seconds = {line[:24].strip(): float(line[24:].split()[0]) for line in parts}
    assert count == "2"
    assert sum(seconds.values()) == pytest.approx(float(total), abs=0.06)  # which is told to a tenth
    assert all(value >= 0 for value in seconds.values())
    assert seconds["scoring"] > 0
    assert last.startswith("beyond training, median of 2 first of a model and a budget: ")
    assert Fit.record is record


def test_the_kernels_of_an_update_are_named_and_their_shares_add_up(capsys):
    kernels.main(["--models", "Siren", "--sizes", "2500", "--length", "12", "--most", "1000", "--device", "cpu"])
    _, _, title, _, _, _, *rows = capsys.readouterr().out.splitlines()
    total = float(re.match(r"Siren 2D 2500 \(torch \w+\): ([\d.]+) ms", title).group(1))
    cells = [[cell.strip() for cell in row.strip("|").rsplit("|", 3)] for row in rows]
    assert {"aten::mm", "aten::sin"} <= {name for name, *_ in cells}
    assert sum(float(ms) for _, _, ms, _ in cells) == pytest.approx(total, abs=0.05)


def test_the_store_of_the_bookkeeping_is_of_its_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(bookkeeping, "SEEDS", 1)
    paper = bookkeeping.Paper(tmp_path)
    done, left = run_trials.split_done(paper.trials, tmp_path)
    assert len(done) == 594
    assert left == []
