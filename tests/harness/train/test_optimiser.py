"""Schedules of the learning rate, and which values which optimiser updates."""

import copy
import dataclasses
import functools
import math

import pytest
import torch
from torch import nn

from common.lattice import Lattice
from harness.plan.trial import LR_SCHEDULES, OPTIMISERS
from harness.store.schema import COLUMNS
from harness.train.fit import fit
from harness.train.loss import LatticeGradient
from harness.train.optimiser import PARTS, SHARES, Optimiser, lr_at, matrices_of
from harness.train.run_trial import run_trial
from harness.train.stepper import Stepper
from tests import building
from tests.harness.train import toys

SHAPE = (12, 10)
PLAN = toys.schedule(lr=1e-2, evaluate_every=5)
COSINE = dataclasses.replace(PLAN, lr_schedule="cosine")


@pytest.fixture
def task():
    return toys.make_task(Lattice.regular(SHAPE))


build = functools.partial(building.build, lattice=SHAPE)


@pytest.mark.parametrize(
    ("column", "known", "made"), [("optimiser", OPTIMISERS, PARTS), ("lr_schedule", LR_SCHEDULES, SHARES)]
)
def test_every_name_is_made_and_explained(column, known, made):
    assert known == (*made,)
    (meaning,) = (one.meaning for one in COLUMNS if one.name == column)
    assert [name for name in known if f"`{name}`" not in meaning] == []


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("lr_schedule", LR_SCHEDULES)
def test_updates_that_are_tried_out_leave_no_trace(task, name, lr_schedule):
    plan = dataclasses.replace(PLAN, optimiser=name, lr_schedule=lr_schedule)
    fits = []
    for tried_out in (False, True):
        model = build("Siren", budget=20_000)
        stepper = Stepper(LatticeGradient(model, task, plan), None, plan)
        if tried_out:
            stepper.prepare()
        for _ in range(3):
            stepper.one_pass()
        fits.append(model.state_dict())
    assert all(torch.equal(values, fits[1][key]) for key, values in fits[0].items())


def test_a_cosine_goes_from_the_learning_rate_to_a_tenth_of_it():
    rates = [lr_at(COSINE, step) for step in range(1, 6)]
    assert rates[0] == 1e-2
    assert rates[2] == pytest.approx(0.55e-2)
    assert rates[4] == pytest.approx(1e-3)
    assert rates == sorted(rates, reverse=True)
    assert lr_at(dataclasses.replace(COSINE, steps=1), 1) == 1e-2
    assert {lr_at(PLAN, step) for step in range(1, 6)} == {1e-2}


@pytest.mark.parametrize("plan", [PLAN, COSINE], ids=["constant", "cosine"])
def test_a_fit_is_adams_at_the_rates_of_the_schedule(task, plan):
    """A loop written out: the first pass has the first rate, though updates are tried out before."""
    model, twin = build("Grid"), build("Grid")
    fit(model, task, plan, torch.Generator())
    (values,) = twin.parameters()
    adam, target = torch.optim.Adam([values], lr=1e-2), torch.as_tensor(task.target)
    for step in range(5):
        share = (1 + math.cos(math.pi * step / 4)) / 2
        adam.param_groups[0]["lr"] = 1e-2 * (0.1 + 0.9 * share) if plan is COSINE else 1e-2
        adam.zero_grad()
        (twin.on_lattice(task.lattice).reshape(target.shape) - target).square().mean().backward()
        adam.step()
    torch.testing.assert_close(model.values, values, rtol=1e-5, atol=1e-6)


def test_a_rate_that_changes_reaches_every_optimiser():
    model = build("Siren")
    optimiser = Optimiser(model, dataclasses.replace(COSINE, optimiser="muon"))
    optimiser.set_pass(5)
    assert [group["lr"] for part in optimiser.parts for group in part.param_groups] == [pytest.approx(1e-3)] * 2


def test_a_tensor_as_rate_is_a_number_as_rate(task):
    """What a recorded update reads on CUDA, here on the CPU."""
    fits = []
    for as_tensor in (False, True):
        model = build("Grid")
        stepper = Stepper(LatticeGradient(model, task, COSINE), None, COSINE)
        if as_tensor:
            (part,) = stepper.optimiser.parts
            part.param_groups[0]["lr"] = torch.tensor(COSINE.lr)
        for _ in range(5):
            stepper.one_pass()
        fits.append(model.state_dict())
    torch.testing.assert_close(*fits, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "count"), [("Siren", 3), ("FourFeat", 3), ("BACON", 4), ("GAPlane", 1), ("Grid", 0)])
def test_muon_takes_the_matrices_within_a_network(name, count):
    """No layer that reads coordinates or writes channels, no bias, no table of features."""
    model = build(name, budget=20_000)
    assert len(matrices_of(model)) == count
    optimiser = Optimiser(model, dataclasses.replace(PLAN, optimiser="muon"))
    kinds = [type(part).__name__ for part in optimiser.parts]
    assert kinds == ["Adam", "Muon"][: 1 + bool(count)]
    held = [values for part in optimiser.parts for group in part.param_groups for values in group["params"]]
    assert {id(values) for values in held} == {id(values) for values in model.parameters()}
    assert len(held) == len(list(model.parameters()))


def test_muon_takes_a_weight_that_layers_share_once_and_none_that_is_computed():
    """A weight that stood twice in its list would be updated twice."""
    model = build("Siren", budget=20_000)
    first, second, third = model.layers[1:4]
    second.weight = first.weight
    nn.utils.parametrizations.weight_norm(third)
    assert [id(weight) for weight in matrices_of(model)] == [id(first.weight)]


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_where_the_slope_is_0_nothing_moves(name):
    """No weight decay: docs/protocol.md, "Training"."""
    model = build("Siren", budget=20_000)
    before = copy.deepcopy(model.state_dict())
    for values in model.parameters():
        values.grad = torch.zeros_like(values)
    Optimiser(model, dataclasses.replace(PLAN, optimiser=name)).step()
    assert all(torch.equal(values, before[key]) for key, values in model.state_dict().items())


@pytest.mark.parametrize("name", ["Siren", "FourFeat"])
def test_muons_updates_are_as_large_as_adams_whatever_a_matrixs_shape(name):
    """J. Liu et al. 2025, section 2.2: a root mean square of 0.2 learning rates, up to what its iteration leaves."""
    model, rng = build(name, budget=20_000), torch.Generator().manual_seed(0)
    matrices = matrices_of(model)
    before = [values.detach().clone() for values in matrices]
    for values in model.parameters():
        values.grad = torch.randn(values.shape, generator=rng)
    Optimiser(model, dataclasses.replace(PLAN, optimiser="muon")).step()
    moved = [(values - old).square().mean().sqrt().item() for values, old in zip(matrices, before, strict=True)]
    assert moved == pytest.approx([0.2 * PLAN.lr] * len(matrices), rel=0.3)


def test_muon_learns_and_leaves_rows_of_its_own(make_trial):
    trials = [make_trial("Siren", optimiser=optimiser, steps=30, evaluate_every=30) for optimiser in ("adam", "muon")]
    (adam,), (muon,) = (run_trial(trial, torch.device("cpu")) for trial in trials)
    assert muon.row["optimiser"] == "muon"
    assert muon.row["status"] == "ok"
    assert muon.row["curve"][-1]["loss"] < 0.5 * muon.row["curve"][0]["loss"]
    assert muon.row["psnr"] != adam.row["psnr"]
    assert trials[0].key != trials[1].key


@pytest.mark.parametrize("name", ["Wire", "Grid"])
def test_a_model_without_matrices_has_no_fit_by_muon(make_trial, name):
    (result,) = run_trial(make_trial(name, optimiser="muon"), torch.device("cpu"))
    assert result.row["status"] == "unsupported"
    assert "no matrices" in result.row["reason"]


def test_a_yardstick_is_solved_whatever_the_optimiser(make_trial):
    (result,) = run_trial(make_trial("Grid_exact", optimiser="muon"), torch.device("cpu"))
    assert result.row["status"] == "ok"


@pytest.mark.gpu
def test_a_recorded_update_reads_the_rate_of_its_pass(task):
    """A grid's gradient has no value near zero, whose sign rounding could turn, and Adam's first updates with it."""
    model, twin = build("Grid").cuda(), build("Grid")
    stepper = Stepper(LatticeGradient(model, task, COSINE), None, COSINE)
    stepper.prepare()
    assert stepper.recordings
    for _ in range(5):
        stepper.one_pass()
    fit(twin, task, COSINE, torch.Generator())
    for found, expected in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-6)
