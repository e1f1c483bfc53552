"""The stepper leaves no trace of its warm-up, and a recorded update is the eager one."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import models
from common.lattice import Lattice
from common.needs import Needs
from harness.train.fit import fit
from harness.train.loss import Batches, LatticeGradient
from harness.train.run_trial import run_trial
from harness.train.stepper import Stepper
from models import backends
from models.base import Representation
from target_signals.tasks.operators import Identity, Selection
from target_signals.tasks.radon import Radon
from tests import building
from tests.harness.tables import MODELS
from tests.harness.train import toys

SHAPES = {2: (24, 20), 3: (9, 8, 7)}
BY_BACKEND = [(name, backend) for name in MODELS for backend in models.get_model(name).backends]
NETWORKS = ("FourFeat", "Siren", "Wire", "BACON")  # in PyTorch matrix products alone: no sum in an order of its own
THIN = 1e-6  # GiB: several slabs


def make_task(dim=2, operator=None):
    return toys.make_task(Lattice.regular(SHAPES[dim]), operator=operator)


def schedule(**changes):
    return toys.schedule(**{"steps": 6, "evaluate_every": 3} | changes)


def make_stepper(model, task, **changes):
    plan, rng = schedule(**changes), torch.Generator(model.device).manual_seed(0)
    batches = None if plan.minibatch is None else Batches(task, plan.minibatch, model.device, rng)
    return Stepper(LatticeGradient(model, task, plan), batches, plan)


def build(name, dim=2):
    return building.build(name, SHAPES[dim])


@pytest.mark.parametrize("minibatch", [None, 100])
def test_preparing_is_no_update(minibatch):
    model, task = build("Siren"), make_task()
    before = copy.deepcopy(model.state_dict())
    stepper = make_stepper(model, task, minibatch=minibatch)
    stepper.prepare()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    states = [state for group in stepper.optimiser.state.values() for state in group.values()]
    assert states
    assert not any(state.any() for state in states)
    assert all(values.grad is None for values in model.parameters())


@pytest.mark.parametrize(("minibatch", "updates"), [(None, 1), (480, 1), (100, 5)])
def test_a_pass_counts_its_updates(minibatch, updates):
    stepper = make_stepper(build("Grid"), make_task(), minibatch=minibatch)
    assert [stepper.one_pass() for _ in range(2)] == [updates, updates]
    assert {int(state["step"]) for state in stepper.optimiser.state.values()} == {2 * updates}


@pytest.mark.parametrize("gib", [4.0, THIN])
@pytest.mark.parametrize("operator", [Identity(), Radon(SHAPES[2], [0, 30, 90])], ids=["identity", "radon"])
def test_the_loss_is_that_before_the_update(gib, operator):
    stepper = make_stepper(build("Grid_TV"), make_task(operator=operator), activation_gib=gib)
    stepper.prepare()
    for _ in range(2):
        expected = stepper.gradient.evaluate()[0]
        stepper.one_pass()
        assert stepper.loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_a_batch_has_the_penalty():
    model, task = build("Grid_TV"), make_task()
    stepper = make_stepper(model, task, minibatch=480)
    expected = stepper.gradient.evaluate()[0]
    stepper.one_pass()
    assert stepper.loss.item() == pytest.approx(expected, rel=1e-5)


# Recorded updates


def train(model, task, eagerly, monkeypatch, **changes):
    """The fit and the final values of a copy on the GPU."""
    twin = copy.deepcopy(model).cuda()
    with monkeypatch.context() as patch:
        if eagerly:
            patch.setattr(Stepper, "_never_waits", lambda self, examples: False)
        return fit(twin, task, schedule(**changes), torch.Generator("cuda").manual_seed(0)), twin.state_dict()


def assert_recorded_equals_eager(model, task, monkeypatch, **changes):
    (eager, expected), (recorded, found) = (train(model, task, way, monkeypatch, **changes) for way in (True, False))
    exact = model.name in NETWORKS and model.backend == "torch"
    torch.testing.assert_close(found, expected, **({"rtol": 0, "atol": 0} if exact else {"rtol": 1e-3, "atol": 1e-4}))
    assert recorded.updates == eager.updates
    for one, other in zip(recorded.curve, eager.curve, strict=True):
        assert one["step"] == other["step"]
        assert one["loss"] == pytest.approx(other["loss"], rel=0 if exact else 1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(("name", "backend"), BY_BACKEND)
def test_recorded_updates_are_the_eager_ones(monkeypatch, name, backend, dim):
    lack = models.get_model(name).unsupported(dim, 1, Needs()) or backends.missing(backend, torch.device("cuda"))
    if lack is not None:
        pytest.skip(lack)
    model = build(name, dim)
    if (refusal := model.refuses(backend, model.precision)) is not None:
        pytest.skip(refusal)
    model.backend = backend
    assert_recorded_equals_eager(model, make_task(dim), monkeypatch)


@pytest.mark.gpu
@pytest.mark.parametrize("name", toys.SCATTERED)
@pytest.mark.parametrize("changes", [{"minibatch": 200}, {"activation_gib": THIN}, {"precision": "bf16"}], ids=str)
def test_recorded_updates_are_the_eager_ones_in_batches_slabs_and_bf16(monkeypatch, name, changes):
    assert_recorded_equals_eager(build(name), make_task(), monkeypatch, **changes)


@pytest.mark.gpu
@pytest.mark.parametrize("gib", [4.0, THIN])
@pytest.mark.parametrize("operator", [Radon(SHAPES[2], np.linspace(0, 180, 10)), Selection(np.eye(*SHAPES[2]) == 0)])
@pytest.mark.parametrize("name", ["Siren", "Grid_TV"])
def test_recorded_updates_are_the_eager_ones_through_an_operator(monkeypatch, name, operator, gib):
    task = make_task(operator=operator)
    assert_recorded_equals_eager(build(name), task, monkeypatch, activation_gib=gib)


@pytest.mark.gpu
@pytest.mark.parametrize("minibatch", [None, 200])
@pytest.mark.parametrize("name", toys.SCATTERED)
def test_what_is_recorded(name, minibatch):
    """Every model but the rasteriser, whose plain form asks the device for the number of its pairs."""
    stepper = make_stepper(build(name).cuda(), make_task(), minibatch=minibatch)
    stepper.prepare()
    assert set(stepper.recordings) == ({None} if minibatch is None else {200, 80})


def test_updates_alone_are_watched_for_waits(monkeypatch):
    """Putting values back may wait: SparseBases unpacks its indices then, and its updates were never recorded."""
    modes = [0]
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[-1])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    stepper, seen = make_stepper(build("Siren"), make_task()), {}
    update, load = stepper._update, stepper.gradient.model.load_state_dict
    monkeypatch.setattr(stepper, "_update", lambda index: seen.update(update=modes[-1]) or update(index))
    monkeypatch.setattr(
        stepper.gradient.model, "load_state_dict", lambda values: seen.update(load=modes[-1]) or load(values)
    )
    assert stepper._never_waits([None])
    assert seen == {"update": "error", "load": 0}
    assert modes[-1] == 0


@pytest.mark.gpu
@pytest.mark.parametrize("dim", [2, 3])
def test_few_coefficients_of_several_bases_are_recorded(monkeypatch, dim):
    model = build("SparseBases", dim)
    stepper = make_stepper(copy.deepcopy(model).cuda(), make_task(dim))
    stepper.prepare()
    assert set(stepper.recordings) == {None}
    assert_recorded_equals_eager(model, make_task(dim), monkeypatch)


@pytest.mark.gpu
def test_splats_are_recorded_under_triton(monkeypatch):
    pytest.importorskip("triton")
    model = build("GSplat")
    model.backend = "triton"
    stepper = make_stepper(copy.deepcopy(model).cuda(), make_task())
    stepper.prepare()
    assert set(stepper.recordings) == {None}
    assert_recorded_equals_eager(model, make_task(), monkeypatch)


class Asking(Representation):
    """Reads a value back in every step, as no recorded step can."""

    name = "Asking"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.value = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return (self.value * (1 + float(self.value.detach()))).expand(len(x), self.channels)


@pytest.mark.gpu
def test_a_model_that_waits_for_the_device_runs_eagerly():
    model, task = Asking(Asking.Config(), Lattice.regular(SHAPES[2]), 1, 1).cuda(), make_task()
    stepper = make_stepper(model, task)
    stepper.prepare()
    assert stepper.recordings == {}
    assert torch.cuda.get_sync_debug_mode() == 0
    assert model.value.item() == 0
    assert fit(model, task, schedule(), torch.Generator("cuda")).updates == 6


@pytest.mark.gpu
def test_memory_that_runs_out_becomes_a_row_and_harms_no_later_trial(make_trial):
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2**27 / whole)
    try:
        (result,) = run_trial(make_trial("Siren", budget=1_000_000, length=1000), torch.device("cuda"))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert result.row["status"] == "out_of_memory"
    (result,) = run_trial(make_trial("Siren"), torch.device("cuda"))
    assert result.row["status"] == "ok"


@pytest.mark.gpu
def test_a_trials_memory_comes_back():
    model, task, held = build("Siren").cuda(), make_task(), []
    for _ in range(3):
        fit(model, task, schedule(), torch.Generator("cuda"))
        model.zero_grad()
        torch.cuda.empty_cache()
        held.append(torch.cuda.memory_reserved())
    assert held[2] <= held[1], "after the first, which leaves what CUDA's libraries keep for good"
