"""Models that are solved instead of trained: what the loop makes of them, and their trials from end to end."""

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

import harness.train.fit
import models
from common.lattice import Lattice
from harness.store.schema import NAMES
from harness.store.table import load
from harness.train.data import signal_of, task_of
from harness.train.fit import fit
from harness.train.run_trial import run_trial
from models.base import Representation
from target_signals.tasks.back_projection import filtered_back_projection
from target_signals.tasks.base import family_of
from target_signals.tasks.ct import ANGLES
from target_signals.tasks.operators import Operator
from tests.harness.paper_rows import keep
from tests.harness.train import toys

CPU = torch.device("cpu")
SOLVED = ["Grid_exact", "BlockDCT", "Wavelet"]
PLAN = toys.schedule(lr=None)


class Mean(Representation):
    """The target's mean, at once where `solves` says so; trained where it has a learning rate."""

    name = "Mean"
    solves = True

    @dataclass(frozen=True)
    class Config:
        pass

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.value = nn.Parameter(torch.zeros(()))
        self.calls = 0

    def forward(self, x):
        return self.value.expand(len(x), self.channels)

    @torch.no_grad()
    def solve(self, lattice, target):
        self.calls += 1
        if self.solves:
            self.value.copy_(target.mean())
        return self.solves


class Halved(Operator):
    """Every value is observed as its half: an operator that is not the identity."""

    def __call__(self, values):
        return values / 2


def make(shape=(4, 6), operator=None, truth=None):
    lattice = Lattice.regular(shape)
    return Mean(Mean.Config(), lattice, 1, 1), toys.make_task(lattice, operator=operator, truth=truth)


def run(model, task, **changes):
    return fit(model, task, dataclasses.replace(PLAN, **changes), torch.Generator())


def test_a_solution_is_one_point_and_no_update():
    model, task = make()
    result = run(model, task)
    mean, variance = task.target.mean(), task.target.var()
    (point,) = result.curve
    assert point["step"] == 0
    assert point["loss"] == pytest.approx(variance, rel=1e-5)
    assert point["psnr"] == pytest.approx(-10 * np.log10(variance), abs=1e-3)
    assert point["seconds"] == result.seconds > 0
    assert (result.updates, result.best_step, result.diverged_at) == (0, 0, None)
    assert model.value.item() == result.best_state["value"].item() == pytest.approx(mean)


def test_a_model_is_solved_once_and_that_alone_is_timed(monkeypatch):
    """On a clock that only work moves."""
    model, task = make()
    spent, solve = [0.0], model.solve

    def timed(lattice, target):
        spent[0] += 2.0
        return solve(lattice, target)

    def evaluated(step, gradient, task):
        spent[0] += 50.0

    monkeypatch.setattr(harness.train.fit.time, "perf_counter", lambda: spent[0])
    monkeypatch.setattr(model, "solve", timed)
    monkeypatch.setattr(harness.train.fit.Fit, "record", lambda self, *given: evaluated(*given))
    assert run(model, task).seconds == 2.0
    assert model.calls == 1


def test_a_smaller_solution_comes_before_the_clock(monkeypatch):
    """In which libraries load what they need."""
    model, task = make(shape=(40, 6))
    spent, asked, solve = [0.0], [], Mean.solve

    def timed(self, lattice, target):
        asked.append((self is model, lattice.shape, tuple(target.shape)))
        spent[0] += 2.0 if len(asked) > 1 else 50.0
        return solve(self, lattice, target)

    monkeypatch.setattr(harness.train.fit.time, "perf_counter", lambda: spent[0])
    monkeypatch.setattr(Mean, "solve", timed)
    assert run(model, task).seconds == 2.0
    assert asked == [(False, (16, 6), (16, 6, 1)), (True, (40, 6), (40, 6, 1))]


def test_a_model_that_takes_no_corner_is_solved_all_the_same(monkeypatch):
    model, task = make(shape=(40, 6))
    solve = Mean.solve

    def on_all(self, lattice, target):
        if lattice.shape != task.lattice.shape:
            raise ValueError("fewer samples than unknowns")
        return solve(self, lattice, target)

    monkeypatch.setattr(Mean, "solve", on_all)
    assert run(model, task).best_step == 0


def test_what_is_not_solved_is_trained(monkeypatch):
    monkeypatch.setattr(Mean, "solves", False)
    model, task = make()
    result = run(model, task, lr=0.01)
    assert [point["step"] for point in result.curve] == [1, 2, 4, 5]
    assert (result.updates, model.calls) == (5, 1)


def test_an_operator_leaves_nothing_to_solve():
    model, task = make(operator=Halved())
    assert run(model, task, lr=0.01).updates == 5
    assert model.calls == 0


@pytest.mark.parametrize("operator", [None, Halved()])
def test_neither_solved_nor_trained_is_an_error(monkeypatch, operator):
    monkeypatch.setattr(Mean, "solves", False)
    with pytest.raises(
        ValueError, match=r"^Mean was not solved and has no learning rate; let `solve` return True, give"
    ):
        run(*make(operator=operator))


def test_a_solution_that_is_no_number_diverged():
    result = run(*make(truth=np.full((4, 6, 1), np.nan, np.float32)))
    assert result.diverged_at == 0
    assert result.best_step is None
    assert len(result.curve) == 1


# The three from end to end


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize(("signal", "dim"), [("Sierpinski", 2), ("StarTarget", 2), ("SparseSphereSignal", 3)])
def test_a_trial_from_end_to_end(make_trial, name, signal, dim):
    (result,) = run_trial(make_trial(name, signal, dim, budget=400), CPU)
    row = result.row
    assert set(row) == set(NAMES)
    assert (row["status"], row["label"], row["updates"], row["ms_per_update"]) == ("ok", "classical", 0, None)
    assert (row["best_step"], row["minibatch"]) == (0, None)
    assert "lr" not in row["settings"]
    assert 340 <= row["parameters"] <= 400
    assert row["psnr"] > row["psnr_constant"] + 0.5
    assert row["psnr"] == row["psnr_best"]
    (point,) = row["curve"]
    assert point["psnr"] == pytest.approx(row["psnr"], abs=1e-6)
    assert point["seconds"] == row["seconds"] > 0
    assert (row["ssim"] is None, row["iou"] is None, row["psnr_rings"] is None) == (
        dim == 3,
        dim == 2,
        signal != "StarTarget",
    )
    assert result.residual.shape == (*row["shape"],)


def test_a_fit_whose_finer_lattice_a_model_does_not_have_is_scored_on_its_own(make_trial):
    trial = make_trial("BlockDCT", "SampleImages", length=24, budget=400)
    assert trial.scored == ("fit", "super_resolution")
    fitted, finer = (result.row for result in run_trial(trial, CPU))
    assert (fitted["task"], fitted["status"]) == ("fit", "ok")
    assert (finer["task"], finer["status"], finer["psnr"]) == ("super_resolution", "unsupported", None)
    assert "nowhere between" in finer["reason"]


@pytest.mark.parametrize("name", SOLVED)
def test_its_row_is_stored_and_read(make_trial, tmp_path, name):
    (result,) = run_trial(make_trial(name), CPU)
    keep(tmp_path, result.row, result.residual)
    (row,) = load(tmp_path).itertuples()
    assert (row.model, row.updates) == (name, 0)
    assert np.isnan(row.ms_per_update)


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_neither_seed_nor_precision_nor_batches_matter(make_trial, name, precision):
    """A star has no draws of its own, so only the model could have some."""
    (one,) = run_trial(make_trial(name, "StarTarget"), CPU)
    (other,) = run_trial(make_trial(name, "StarTarget", seed=5, precision=precision, minibatch=40), CPU)
    np.testing.assert_array_equal(one.residual, other.residual)


@pytest.mark.parametrize("name", SOLVED)
def test_a_budget_too_small_is_unsupported(make_trial, name):
    (result,) = run_trial(make_trial(name, budget=1), CPU)
    assert result.row["status"] == "unsupported"
    assert "its smallest form has more than 1 values" in result.row["reason"]


@pytest.mark.parametrize("name", SOLVED)
def test_a_budget_beyond_need_meets_the_signal(make_trial, name):
    (result,) = run_trial(make_trial(name, budget=10**5), CPU)
    assert result.row["psnr"] > 110
    assert result.row["parameters"] <= 10**5


def test_more_budget_is_never_worse_on_a_real_picture(make_trial):
    for name in ("BlockDCT", "Wavelet"):
        scores = [
            run_trial(make_trial(name, "Sierpinski", length=100, budget=n), CPU)[0].row["psnr"]
            for n in (500, 1000, 2000, 5000)
        ]
        assert scores == sorted(scores)


def test_only_they_are_without_a_learning_rate(config, make_trial):
    assert [name for name in config.protocol.models if make_trial(name).lr is None] == SOLVED
    assert config.protocol.models[-3:] == tuple(SOLVED), "after the nine"
    assert all(models.get_model(name).label == "classical" for name in SOLVED)


# The yardstick of CT


@pytest.fixture
def slice_trial(make_trial):
    return functools.partial(make_trial, "FBP", "SheppLogan", length=32, item="phantom", task="ct")


def test_with_more_nodes_than_pixels_fbp_is_filtered_back_projection_itself(slice_trial):
    trial = slice_trial(budget=40**2)
    (result,) = run_trial(trial, CPU)
    row = result.row
    assert (row["status"], row["label"], row["updates"], row["parameters"]) == ("ok", "classical", 0, 40**2)
    task = task_of(trial, signal_of(trial))
    plain = filtered_back_projection(task.target, (32, 32), ANGLES)
    np.testing.assert_allclose(result.residual + task.truth, plain, atol=1e-4)
    assert row["psnr"] == pytest.approx(task.psnr(plain), abs=1e-3)


def test_fbp_keeps_a_budget_and_gains_nothing_beyond_its_pixels(slice_trial):
    rows = {budget: run_trial(slice_trial(budget=budget), CPU)[0].row for budget in (100, 300, 1024, 5000)}
    assert all(row["parameters"] <= budget for budget, row in rows.items())
    scores = [row["psnr"] for row in rows.values()]
    assert scores[0] < scores[1] < scores[2] == pytest.approx(scores[3], abs=0.05)


def test_fbp_needs_a_sinogram():
    cls = models.get_model("FBP")
    assert cls.unsupported(2, 1, family_of("ct").needs) is None
    for task in ("fit", "inpaint_0.5", "super_resolution"):
        reason = cls.unsupported(2, 1, family_of(task).needs)
        assert reason == "FBP is solved from a sinogram, and here none is observed."
