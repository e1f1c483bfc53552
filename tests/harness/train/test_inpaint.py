"""Inpainting through the one loop: every model is trained on what is seen, or says why it cannot be."""

import dataclasses

import numpy as np
import pytest
import torch

from common.lattice import Lattice
from harness.analysis.target import rebuild
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.train.data import signal_of
from harness.train.loss import LatticeGradient
from harness.train.run_trial import make_schedule, run_trial
from target_signals.tasks.base import make_task
from target_signals.tasks.metrics import psnr
from tests.building import build
from tests.harness.tables import CLASSICAL, MODELS

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "dim"), [(name, dim) for name in MODELS for dim in (2, 3) if (name, dim) != ("GSplat", 3)]
)
def test_every_trained_model_learns_what_is_seen(make_trial, name, dim):
    signal = {2: "Sierpinski", 3: "SparseSphereSignal"}[dim]
    trial = make_trial(name, signal, dim, task="inpaint", steps=20, evaluate_every=20, budget=3000)
    (result,) = run_trial(trial, CPU)
    row = result.row
    assert (row["task"], row["status"], row["minibatch"]) == ("inpaint_0.5", "ok", None)
    assert row["updates"] == 20, "a pass is one update"
    first, last = row["curve"]
    assert last["loss"] < first["loss"]
    assert last["psnr"] == pytest.approx(row["psnr"], abs=1e-3)
    assert (row["ssim"] is None, row["iou"] is None) == (dim == 3, dim == 2)
    (scoring,) = make_task(trial.task, signal_of(trial), trial.seed).scorings
    prediction = scoring.truth + result.residual
    clipped = np.clip(prediction, min(0, scoring.truth.min()), max(1, scoring.truth.max()))
    assert row["psnr"] == pytest.approx(psnr(scoring.truth[scoring.where], clipped[scoring.where]), abs=1e-4)


def test_a_row_gives_its_target_again(make_trial):
    """For figures: the truth, and what was seen of it where it was seen."""
    trial = make_trial("Grid", "Sierpinski", task="inpaint_0.3")
    found = rebuild(run_trial(trial, CPU)[0].row)
    task = make_task(trial.task, signal_of(trial), trial.seed)
    np.testing.assert_array_equal(found.truth, task.truth)
    np.testing.assert_array_equal(found.seen, np.where(task.where[..., None], 0, task.truth))


@pytest.mark.parametrize("name", CLASSICAL)
def test_what_is_solved_for_all_samples_says_so(make_trial, name):
    (result,) = run_trial(make_trial(name, task="inpaint_0.2"), CPU)
    assert (result.row["task"], result.row["status"]) == ("inpaint_0.2", "unsupported")
    assert "observed one by one at every sample" in result.row["reason"]
    assert result.residual is None


def test_large_budgets_are_not_trained_in_batches(config):
    paper = dataclasses.replace(config.preset("paper", "Sierpinski", 2), sizes=(3 * 10**6,), bandlimits=(0.5,))
    plan = make_plan(config, choose_source("Sierpinski", 2), ["inpaint", "fit"], paper, ["Siren"])
    assert {trial.task: trial.minibatch for trial in plan} == {"inpaint_0.5": None, "fit": 400_000}


@pytest.mark.parametrize("gib", [4.0, 1e-9])
@pytest.mark.parametrize("name", ["Siren", "BACON", "Grid_TV"])
def test_in_slabs_or_not_the_gradient_is_that_of_the_seen_samples(make_trial, name, gib):
    trial = make_trial(name, "Sierpinski", task="inpaint_0.3", budget=3000)
    task = make_task(trial.task, signal_of(trial), trial.seed)
    model = build(name, task.lattice, budget=3000)
    gradient = LatticeGradient(model, task, dataclasses.replace(make_schedule(trial), activation_gib=gib))
    loss = gradient.compute()
    found = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
    seen = np.flatnonzero(~task.where)
    points = Lattice.regular(task.lattice.shape).points("cpu")[torch.as_tensor(seen)]
    expected = ((model.heads(points) - torch.as_tensor(task.truth.reshape(-1, 1)[seen])) ** 2).mean() + model.penalty()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    slopes = torch.autograd.grad(expected, list(model.parameters()), allow_unused=True)
    for one, other in zip(found, slopes, strict=True):
        scale = one.abs().max().item()
        torch.testing.assert_close(one, torch.zeros_like(one) if other is None else other, rtol=1e-3, atol=1e-4 * scale)
