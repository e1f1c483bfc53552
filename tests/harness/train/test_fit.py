"""The loop against one written by hand, and what a trial makes of a fit that goes well or wrong."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import harness.train.fit
import models
from common.lattice import Lattice
from harness.plan.make_plan import model_settings
from harness.store.schema import NAMES
from harness.train import chunks as slabs_module
from harness.train import data, machine
from harness.train.chunks import bytes_kept, make_slabs, memory, predict, split
from harness.train.fit import Fit, fit
from harness.train.loss import Batches, LatticeGradient, Schedule
from harness.train.precision import matmul_precision, running
from harness.train.run_trial import run_trial, stream
from models.base import Representation
from target_signals.tasks.metrics import psnr
from target_signals.tasks.operators import Identity
from target_signals.tasks.task import Scoring, Task

CPU = torch.device("cpu")
SHAPES = {2: (12, 10), 3: (6, 5, 4)}  # uneven on purpose
THIN = 1e-9  # GiB: slabs of one layer
SCATTERED = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "Grid", "Grid_TV"]
TIMES = (
    *("seconds", "ms_per_update", "ms_per_pass", "ready_seconds", "processor_seconds", "load_at_start"),
    *("peak_memory_bytes", "started"),
)  # what may differ between equal trials


class BlockMean:
    """Averages 2 x 2 blocks of the first two axes: a linear operator that couples points."""

    pointwise = False

    def __call__(self, values):
        blocks = values.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))  # [H, n/2, 2, m/2, 2, …]
        return blocks.mean(dim=(2, 4))


class Slope(Representation):
    """One value everywhere, from 0: its course under Adam is known by hand."""

    name = "Slope"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.value = nn.Parameter(torch.empty(()))

    @classmethod
    def solve_size(cls, config, lattice, channels, budget):
        return 1

    def initialise(self, rng):
        nn.init.zeros_(self.value)

    def forward(self, x):
        return self.value.expand(len(x), self.channels)


@pytest.fixture
def registered(monkeypatch):
    """Put a class into the registry for one test."""
    return lambda cls: monkeypatch.setitem(models.registry._classes, cls.name, cls)


@pytest.fixture
def build(config):
    """A model of about 1500 values, with its initial values."""

    def make(name, dim=2, channels=1, seed=0):
        settings = model_settings(config, name, "synthetic", 10_000)
        if name == "FourFeat":
            settings = dataclasses.replace(settings, frequencies=20)
        if name == "Grid_TV":  # strong enough to be seen
            settings = dataclasses.replace(settings, tv_weight=0.5)
        cls, lattice = models.get_model(name), Lattice.regular(SHAPES[dim])
        model = cls(settings, lattice, channels, cls.solve_size(settings, lattice, channels, 3000))
        model.initialise(generator(seed))
        if name in ("Grid", "Grid_TV"):  # nodes start equal; differing ones have a slope
            nn.init.uniform_(model.values, generator=generator(seed))
        return model

    return make


def make_task(lattice, channels=1, operator=None, seed=0):
    """Random truth and what the operator sees of it."""
    truth = np.random.default_rng(seed).random((*lattice.shape, channels), dtype=np.float32)
    operator = operator or Identity()
    target = operator(torch.as_tensor(truth)[None])[0].numpy()
    return Task(lattice, target, truth, operator, (Scoring("fit", lattice, truth, False),))


def schedule(**changes):
    plain = Schedule(
        1e-3, (0.9, 0.999), steps=5, evaluate_every=2, minibatch=None, activation_gib=4.0, precision="fp32"
    )
    return dataclasses.replace(plain, **changes)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def loss_by_hand(model, x, target):
    """Mean over heads of the mean squared error, and λ · TV, in plain words: x [N, d], target [N, C]."""
    loss = sum(((head - target) ** 2).mean() for head in model.heads(x)) / len(model.heads(x))
    if model.name == "Grid_TV":
        nodes = model.values[0]
        here = nodes[tuple([slice(None, -1)] * nodes.dim())]
        squares = torch.zeros_like(here)
        for axis in range(nodes.dim()):
            squares = squares + (nodes.narrow(axis, 1, nodes.shape[axis] - 1)[tuple(
                slice(None) if k == axis else slice(None, -1) for k in range(nodes.dim())
            )] - here) ** 2  # fmt: skip
        loss = loss + model.config.tv_weight * torch.sqrt(torch.clamp(squares, min=model.config.tv_floor)).mean()
    return loss


def gradients(model):
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]


def assert_close(found, expected, tolerance=2e-4):
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= tolerance * other.norm() + 1e-7


# The loop against a hand-written one


@pytest.mark.parametrize("name", ["Siren", "Wire", "BACON", "GAPlane", "Grid", "Grid_TV"])
@pytest.mark.parametrize("dim", [2, 3])
def test_full_updates_equal_a_hand_written_loop(build, name, dim):
    model, task = build(name, dim), make_task(Lattice.regular(SHAPES[dim]))
    twin = copy.deepcopy(model)
    result = fit(model, task, schedule(lr=1e-3), generator())

    x, target = task.lattice.points("cpu"), torch.as_tensor(task.target).reshape(len(task.lattice), -1)
    optimiser = torch.optim.Adam(twin.parameters(), lr=1e-3, betas=(0.9, 0.999))
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss_by_hand(twin, x, target).backward()
        optimiser.step()
        losses.append(loss_by_hand(twin, x, target).item())
    assert_close(model.parameters(), twin.parameters())
    assert [point["step"] for point in result.curve] == [1, 2, 4, 5]
    assert [point["loss"] for point in result.curve] == pytest.approx([losses[i] for i in (0, 1, 3, 4)], rel=1e-3)
    assert result.updates == 5
    with torch.no_grad():
        answer = twin(x).reshape(task.target.shape).numpy().clip(0, 1)
    assert result.curve[-1]["psnr"] == pytest.approx(psnr(task.target, answer), abs=1e-3)


def test_minibatches_equal_a_hand_written_loop(build):
    model, task = build("GAPlane"), make_task(Lattice.regular(SHAPES[2]))
    twin = copy.deepcopy(model)
    result = fit(model, task, schedule(steps=3, minibatch=50), generator(7))

    x, target = task.lattice.points("cpu"), torch.as_tensor(task.target).reshape(len(task.lattice), -1)
    optimiser, rng = torch.optim.Adam(twin.parameters(), lr=1e-3), generator(7)
    for _ in range(3):
        order = torch.randperm(120, generator=rng)
        for batch in (order[:50], order[50:100], order[100:]):
            optimiser.zero_grad()
            loss_by_hand(twin, x[batch], target[batch]).backward()
            optimiser.step()
    assert_close(model.parameters(), twin.parameters())
    assert result.updates == 3 * 3


def test_the_penalty_enters_minibatches_too(build):
    model, task = build("Grid_TV"), make_task(Lattice.regular(SHAPES[2]))
    index = Batches(task, 30, CPU, generator()).epoch()[0]
    x, target = task.lattice.points_at(index), torch.from_numpy(task.target).flatten(0, 1)[index]
    LatticeGradient(model, task, schedule(minibatch=30)).compute_at(index)
    (expected,) = torch.autograd.grad(loss_by_hand(model, x, target), [model.values])
    (plain,) = torch.autograd.grad(((model(x) - target) ** 2).mean(), [model.values])
    assert_close([model.values.grad], [expected])
    assert (plain - expected).norm() > 0.01 * expected.norm()


@pytest.mark.parametrize("name", ["Siren", "BACON", "GAPlane", "Grid_TV"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(build, name):
    """The last part is shorter, several heads count alike, and a penalty counts once."""
    task = make_task(Lattice.regular(SHAPES[2]))
    index = Batches(task, 43, CPU, generator()).epoch()[0]
    found = []
    for gib in (4.0, THIN):
        model, asked = build(name), []
        heads_at = model.heads_at

        def counted(lattice, part, heads_at=heads_at, asked=asked):
            asked.append(len(part))
            return heads_at(lattice, part)

        model.heads_at = counted
        gradient = LatticeGradient(model, task, schedule(minibatch=43, activation_gib=gib))
        loss = gradient.compute_at(index)
        found.append((asked, loss, gradients(model)))
    (asked, loss, whole), (asked_in_parts, loss_of_parts, parts) = found
    assert (asked, asked_in_parts) == ([43], [8, 8, 8, 8, 8, 3])
    torch.testing.assert_close(loss_of_parts, loss, rtol=1e-5, atol=0)
    assert_close(parts, whole)
    x, target = task.lattice.points_at(index), torch.from_numpy(task.target).flatten(0, 1)[index]
    by_hand = loss_by_hand(model, x, target)
    torch.testing.assert_close(loss, by_hand.detach(), rtol=1e-4, atol=0)
    assert_close(whole, torch.autograd.grad(by_hand, list(model.parameters())))


@given(st.integers(1, 500), st.integers(1, 600))
def test_parts_of_a_batch_are_whole_and_equal(length, points):
    """As few as there can be, and each as short as so many can be, but for rows of 8."""
    index = torch.randperm(length)
    parts = split(index, points)
    assert torch.equal(torch.cat(tuple(parts)), index)
    assert all(len(part) == len(parts[0]) and len(part) % 8 == 0 for part in parts[:-1])
    assert 0 < len(parts[-1]) <= len(parts[0])
    assert len(parts[0]) < points + 8
    count = -(-length // points)
    assert len(parts) <= count
    assert len(parts[0]) < length / count + 8


def test_a_batch_that_fits_is_one_part():
    for points in (43, 44, 10_000):
        (part,) = split(torch.arange(43), points)
        assert torch.equal(part, torch.arange(43))
    assert [len(part) for part in split(torch.arange(43), 42)] == [24, 19]


def test_the_penalty_is_part_of_the_loss_that_is_reported(build):
    model, task = build("Grid_TV"), make_task(Lattice.regular(SHAPES[2]))
    loss, error, answer = LatticeGradient(model, task, schedule()).evaluate()
    assert error == pytest.approx(np.square(answer.numpy() - task.target).mean(), rel=1e-4)
    assert loss == pytest.approx(error + model.penalty().item(), rel=1e-5)
    assert loss > 1.0001 * error


# Slabs and operators


@pytest.mark.parametrize("name", SCATTERED)
@pytest.mark.parametrize(("dim", "channels"), [(2, 1), (3, 2)])
def test_slabs_equal_the_whole_lattice(build, name, dim, channels):
    model, task = build(name, dim, channels), make_task(Lattice.regular(SHAPES[dim]), channels)
    whole = LatticeGradient(model, task, schedule())
    thin = LatticeGradient(model, task, schedule(activation_gib=THIN))
    assert len(whole.slabs) == 1
    assert len(thin.slabs) == task.lattice.shape[0]
    results = []
    for gradient in (whole, thin):
        model.zero_grad()
        gradient.compute()
        results.append((gradients(model), *gradient.evaluate()))
    (g, loss, error, answer), (g_thin, loss_thin, error_thin, answer_thin) = results
    assert_close(g_thin, g)
    assert (loss_thin, error_thin) == pytest.approx((loss, error), rel=1e-4)
    np.testing.assert_allclose(answer_thin, answer, atol=1e-4)
    np.testing.assert_allclose(predict(model, task.lattice, activation_gib=THIN), answer, atol=1e-4)


@pytest.mark.parametrize("gib", [4.0, THIN])
@pytest.mark.parametrize("name", ["Siren", "BACON", "Grid_TV"])
def test_an_operator_that_couples_points_has_the_gradient_of_direct_autograd(build, name, gib):
    model, operator = build(name), BlockMean()
    task = make_task(Lattice.regular(SHAPES[2]), operator=operator)
    gradient = LatticeGradient(model, task, schedule(activation_gib=gib))
    assert len(gradient.slabs) == (1 if gib == 4.0 else 12)
    gradient.compute()
    heads = model.heads(task.lattice.points("cpu")).reshape(-1, *task.lattice.shape, 1)
    target = torch.as_tensor(task.target)
    loss = sum(((operator(head[None])[0] - target) ** 2).mean() for head in heads) / len(heads) + model.penalty()
    assert_close(gradients(model), torch.autograd.grad(loss, list(model.parameters())))
    found, error, answer = gradient.evaluate()
    assert found == pytest.approx(loss.item(), rel=1e-4)
    assert answer.shape == (*task.lattice.shape, 1)
    assert error == pytest.approx(((operator(heads[-1:])[0] - target) ** 2).mean().item(), rel=1e-4)


def test_bacon_is_trained_on_all_heads_and_judged_by_the_last(build):
    model, task = build("BACON"), make_task(Lattice.regular(SHAPES[2]))
    heads = model.heads(task.lattice.points("cpu"))
    assert len(heads) == 3
    loss, error, answer = LatticeGradient(model, task, schedule(activation_gib=THIN)).evaluate()
    np.testing.assert_allclose(answer.reshape(-1, 1), heads[-1].detach().numpy(), atol=1e-4)
    errors = [((head - torch.as_tensor(task.target).reshape(-1, 1)) ** 2).mean().item() for head in heads]
    assert error == pytest.approx(errors[-1], rel=1e-4)
    assert loss == pytest.approx(np.mean(errors), rel=1e-4)
    assert loss != pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize(("dim", "length", "size"), [(2, 1000, 50), (3, 100, 50)])
def test_fourier_features_stay_within_their_memory_on_a_large_lattice(config, dim, length, size):
    """What autograd keeps for the largest slab, measured here, is within what the schedule allows."""
    settings = model_settings(config, "FourFeat", "synthetic", 100_000)
    lattice = Lattice.regular((length,) * dim)
    model = models.get_model("FourFeat")(settings, lattice, 1, size)
    model.initialise(generator())
    for gib in (0.5, 0.1):
        slabs = make_slabs(model, lattice, gib)
        assert len(slabs) > 1
        assert sum(len(slab) for _, slab in slabs) == len(lattice)
        fixed, each = memory(model, lattice)
        assert fixed + each * max(len(slab) for _, slab in slabs) <= gib * 2**30
    thickest = max((slab for _, slab in slabs), key=lambda slab: len(slab))
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.untyped_storage().data_ptr(), t) is None or t, lambda t: t
    ):
        model.heads_on_lattice(thickest)
    own = {p.data_ptr() for p in model.parameters()}
    assert sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own) <= 1.05 * gib * 2**30


@pytest.mark.parametrize("shape", [(60, 50), (7, 900), (40, 30, 20), (1, 64)], ids=str)
@pytest.mark.parametrize("name", ["GAPlane", "Siren", "Wire"])
def test_memory_is_foretold_from_thin_slabs(config, monkeypatch, name, shape):
    monkeypatch.setattr(slabs_module, "PROBE_POINTS", 100)
    cls, lattice = models.get_model(name), Lattice.regular(shape)
    settings = model_settings(config, name, "synthetic", 3000)
    size = cls.solve_size(settings, lattice, 1, 3000)
    model = cls(settings, lattice, 1, size)
    model.initialise(generator())
    fixed, each = memory(model, lattice)
    assert bytes_kept(model, lattice) == pytest.approx(fixed + each * len(lattice), rel=0.1)


@pytest.mark.parametrize(("name", "backend"), [("Siren", "inductor"), ("FourFeat", "triton")])
def test_nothing_is_compiled_to_foretell_memory(config, name, backend):
    """FourFeat's table, too, which is compiled where the rest has kernels."""
    lattice = Lattice.regular((40, 30))
    model = models.get_model(name)(model_settings(config, name, "synthetic", 3000), lattice, 1, 2)
    model.initialise(generator())
    plain = memory(model, lattice)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model.backend = backend
    assert memory(model, lattice) == plain
    assert not torch._dynamo.utils.counters


def test_memory_is_measured_once_for_models_of_one_form(build, monkeypatch):
    found, lattice = [], Lattice.regular((37, 23))
    monkeypatch.setattr(slabs_module, "memory", lambda model, lattice: found.append(model) or (0.0, 1000.0))
    monkeypatch.setattr(slabs_module, "_measured", {})
    first = build("Siren")
    for model, on, precision in (
        (first, lattice, "fp32"),
        (build("Siren"), Lattice.regular((37, 23)), "fp32"),
        (first, lattice, "bf16"),
        (first, Lattice.regular((37, 24)), "fp32"),
        (build("Siren", channels=3), lattice, "fp32"),
        (build("Wire"), lattice, "fp32"),
    ):
        assert slabs_module.points_at_once(model, on, 1.0, precision) == 2**30 // 1000
    assert len(found) == 5, "the second is of the first one's form"


def test_a_model_for_lattices_alone_is_never_cut(config):
    settings = model_settings(config, "GSplat", "synthetic", 10_000)
    lattice = Lattice.regular((8, 8))
    model = models.get_model("GSplat")(settings, lattice, 1, 2)
    ((part, slab),) = make_slabs(model, lattice, THIN)
    assert part == slice(None)
    assert slab is lattice


# Mini-batches


def test_an_epoch_has_every_point_once():
    task = make_task(Lattice.regular((7, 9)), channels=2)
    batches = Batches(task, 20, CPU, generator())
    for _ in range(2):
        epoch = batches.epoch()
        assert [len(index) for index in epoch] == [20, 20, 20, 3]
        assert all(torch.equal(index, index.sort().values) for index in epoch)
        found = torch.cat(epoch)
        assert not torch.equal(found, torch.arange(63)), "an epoch must be shuffled"
        assert epoch[0][-1] - epoch[0][0] > 20, "a batch must be drawn from the whole lattice"
        assert torch.equal(found.sort().values, torch.arange(63))


def test_batches_depend_on_the_generator_alone():
    task = make_task(Lattice.regular((7, 9)))

    def draw(seed):
        batches = Batches(task, 20, CPU, generator(seed))
        batches.examples()
        torch.manual_seed(seed + 1)
        return torch.cat([index for _ in range(2) for index in batches.epoch()])

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert not torch.equal(draw(1)[:63], draw(1)[63:]), "every epoch has its own permutation"


@pytest.mark.parametrize(("points", "lengths"), [(20, [20, 3]), (21, [21]), (100, [63])])
def test_the_warm_up_sees_batches_of_every_length_and_draws_nothing(points, lengths):
    rng = generator()
    before = rng.get_state()
    batches = Batches(make_task(Lattice.regular((7, 9))), points, CPU, rng)
    assert [len(index) for index in batches.examples()] == lengths
    assert torch.equal(rng.get_state(), before)
    assert {len(index) for index in batches.epoch()} == set(lengths)


def test_minibatches_need_a_pointwise_operator():
    task = make_task(Lattice.regular((8, 8)), operator=BlockMean())
    with pytest.raises(ValueError, match="mini-batches exist for the identity operator only"):
        Batches(task, 10, CPU, generator())


# Last and best


def slope(lr, cls=Slope, **changes):
    lattice = Lattice.regular((4, 4))
    model = cls(None, lattice, 1, 1)
    model.initialise(generator())
    truth = np.full((4, 4, 1), 0.5, np.float32)
    task = dataclasses.replace(make_task(lattice), target=truth, scorings=(Scoring("fit", lattice, truth, False),))
    return model, dataclasses.replace(task, **changes), schedule(lr=lr, evaluate_every=1, steps=3)


def test_the_best_may_come_before_the_last():
    """From 0 towards 0.5 with steps of about 0.4: 0.40, then too far."""
    model, task, plan = slope(lr=0.4)
    result = fit(model, task, plan, generator())
    assert result.best_step == 1
    assert result.best_state["value"].item() == pytest.approx(0.4, rel=1e-3)
    assert model.value.item() > 0.62, "the model itself holds the last values"
    psnrs = [point["psnr"] for point in result.curve]
    assert psnrs[0] == max(psnrs) > psnrs[-1]


def test_the_best_is_chosen_by_the_training_target_and_never_by_the_truth():
    model, task, plan = slope(lr=0.4, truth=np.full((4, 4, 1), 0.9, np.float32))
    result = fit(model, task, plan, generator())
    psnrs = [point["psnr"] for point in result.curve]
    assert psnrs[0] == min(psnrs), "by the truth the first would be the worst"
    assert result.best_step == 1


class Pulled(Slope):
    """Its penalty, 0.3 · (value - 1)², is least beyond the target."""

    def penalty(self):
        return 0.3 * (self.value - 1) ** 2


class Forked(Slope):
    """Its first head stays 0.3 behind its second, which is the answer."""

    def heads_on_lattice(self, lattice):
        answer = self.on_lattice(lattice)
        return torch.stack([answer - 0.3, answer])


@pytest.mark.parametrize("operator", [Identity(), BlockMean()], ids=["points", "means"])
@pytest.mark.parametrize("cls", [Pulled, Forked])
def test_the_best_has_the_least_error_and_not_the_least_loss(cls, operator):
    """0.40 is nearest to the target 0.5; what lies beyond it costs less by the penalty or by the other head."""
    model, task, plan = slope(lr=0.4, cls=cls)
    task = dataclasses.replace(task, operator=operator, target=operator(torch.from_numpy(task.truth)[None])[0].numpy())
    result = fit(model, task, plan, generator())
    losses = [point["loss"] for point in result.curve]
    assert losses[0] > losses[1], "by the loss the second would be better"
    assert result.best_step == 1
    assert result.best_state["value"].item() == pytest.approx(0.4, rel=1e-3)


def test_the_best_is_chosen_by_what_is_scored():
    """Half of the samples are 1 and half are 0: an answer beyond them is clipped before it is scored, so the pass whose
    raw error is least need not be the best, and the best of a row is never worse than its last."""

    class Steps(Slope):
        """On the upper half 0.7, then 3: raw far worse, clipped perfect."""

        name = "Steps"

        def forward(self, x):
            answer = torch.where(self.value > 0.45, 3.0, 0.7) + 0 * self.value
            return torch.where(x[:, :1] >= 0, answer.expand(len(x), 1), 0 * self.value)

    lattice = Lattice.regular((4, 4))
    model = Steps(None, lattice, 1, 1)
    model.initialise(generator())
    truth = np.repeat(np.float32([0, 0, 1, 1]), 4).reshape(4, 4, 1)
    task = Task(lattice, truth, truth, Identity(), (Scoring("fit", lattice, truth, True),))
    result = Fit()
    gradient = LatticeGradient(model, task, schedule())
    for step, value in enumerate((0.0, 1.0), start=1):
        model.value.data.fill_(value)
        result.record(step, gradient, task)
    losses, psnrs = ([point[name] for point in result.curve] for name in ("loss", "psnr"))
    assert losses[1] > losses[0], "the raw error"
    assert psnrs[1] > psnrs[0]
    assert result.best_step == 2


@pytest.mark.parametrize("name", SCATTERED)
def test_the_best_of_a_fit_is_never_worse_than_its_last(make_trial, name):
    for signal in ("Sierpinski", "BandlimitedSignal"):
        row = run_trial(make_trial(name, signal=signal, steps=6, evaluate_every=1), CPU)[0].row
        assert row["psnr_best"] >= row["psnr"]


def test_the_best_state_is_a_copy():
    model, task, plan = slope(lr=0.01)
    result = fit(model, task, plan, generator())
    assert result.best_step == 3
    kept = result.best_state["value"].item()
    model.value.data.zero_()
    assert result.best_state["value"].item() == kept


def test_a_row_has_the_scores_of_both(make_trial, registered):
    registered(Slope)
    changes = {"model": "Slope", "settings": Slope.Config(lr=0.4), "steps": 2, "evaluate_every": 1}
    (result,) = run_trial(dataclasses.replace(make_trial(signal="BandlimitedSignal"), **changes), CPU)
    row = result.row
    first, last = row["curve"]
    assert row["best_step"] == 1
    assert row["psnr_best"] == pytest.approx(first["psnr"], abs=1e-4)
    assert row["psnr"] == pytest.approx(last["psnr"], abs=1e-4)
    assert row["psnr_best"] > row["psnr"]
    assert result.residual.shape == (25, 25, 1)


@pytest.mark.parametrize(("lr", "count"), [(0.01, 1), (0.4, 2)], ids=["best last", "best before"])
def test_what_is_last_and_best_is_scored_once(make_trial, registered, monkeypatch, lr, count):
    registered(Slope)
    scores, scored = Scoring.scores, []
    monkeypatch.setattr(Scoring, "scores", lambda *given: scored.append(1) or scores(*given))
    changes = {"model": "Slope", "settings": Slope.Config(lr=lr), "steps": 2, "evaluate_every": 1}
    (result,) = run_trial(dataclasses.replace(make_trial(signal="BandlimitedSignal"), **changes), CPU)
    assert len(scored) == count
    assert (result.row["psnr"] == result.row["psnr_best"]) == (count == 1)


def test_trials_of_one_signal_share_its_task(make_trial, monkeypatch):
    made, make = [], data.make_task
    monkeypatch.setattr(data, "make_task", lambda *given: made.append(given) or make(*given))
    data.cached_task.cache_clear()
    first, *others = (
        data.task_of(trial, data.signal_of(trial))
        for trial in (
            make_trial("Grid", task="denoise_0.1"),
            make_trial("Siren", task="denoise_0.1"),
            make_trial("Grid", task="denoise_0.05"),
            make_trial("Grid", task="denoise_0.1", seed=7),
        )
    )
    assert [task is first for task in others] == [True, False, False]
    assert len(made) == 3


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [(7, 3, [1, 3, 6, 7]), (6, 3, [1, 3, 6]), (1, 3, [1]), (2, 3, [1, 2]), (3, 1, [1, 2, 3])],
)
def test_the_first_every_nth_and_the_last_pass_are_evaluated(steps, every, expected):
    model, task, plan = slope(lr=0.01)
    seen = []
    result = fit(model, task, dataclasses.replace(plan, steps=steps, evaluate_every=every), generator(), seen.append)
    assert [point["step"] for point in result.curve] == seen == expected
    assert result.updates == steps


def test_the_papers_schedule():
    paper = schedule(steps=1000, evaluate_every=100)
    assert [s for s in range(1, 1001) if paper.evaluates(s)] == [1, *range(100, 1001, 100)]


# The clock


def test_training_alone_is_timed(build, monkeypatch):
    """On a clock that only work moves: 1 s an update, 1000 s an evaluation, 50 s for making ready."""
    spent = [0.0]
    monkeypatch.setattr(harness.train.fit.time, "perf_counter", lambda: spent[0])

    def costs(name, seconds):
        method = getattr(LatticeGradient, name)

        def timed(self, *arguments):
            spent[0] += seconds
            return method(self, *arguments)

        monkeypatch.setattr(LatticeGradient, name, timed)

    costs("__init__", 50.0)
    costs("compute", 1.0)
    costs("evaluate", 1000.0)
    result = fit(build("Grid"), make_task(Lattice.regular(SHAPES[2])), schedule(steps=7, evaluate_every=3), generator())
    assert result.seconds == 7
    assert [point["seconds"] for point in result.curve] == [1, 3, 6, 7]


# Trials that go wrong


def test_divergence_becomes_a_row(make_trial):
    (result,) = run_trial(make_trial("Grid", lr=1e30, steps=50, evaluate_every=10), CPU)
    row = result.row
    assert row["status"] == "diverged"
    assert row["reason"] == "the loss was not finite after pass 1"
    assert row["psnr"] is row["psnr_best"] is row["best_step"] is result.residual is None
    assert row["updates"] == 1, "nothing is gained by going on"
    assert len(row["curve"]) == 1
    assert row["psnr_constant"] > 0
    assert set(row) == set(NAMES)


def test_divergence_names_its_pass(make_trial, registered):
    class Burst(Slope):
        name = "Burst"
        calls = 0

        def forward(self, x):
            Burst.calls += 1
            return super().forward(x) * (math.inf if Burst.calls > 13 else 1.0)

    registered(Burst)
    changes = {"model": "Burst", "settings": Burst.Config(), "steps": 50, "evaluate_every": 4}
    (result,) = run_trial(dataclasses.replace(make_trial(), **changes), CPU)
    row = result.row
    steps = [point["step"] for point in row["curve"]]
    assert row["status"] == "diverged"
    assert steps == [1, 4, 8, 12][: len(steps)]
    assert len(steps) > 1
    assert row["reason"] == f"the loss was not finite after pass {steps[-1]}"


@pytest.mark.parametrize(("minibatch", "last"), [(None, 8), (200, 2)])  # 625 points: four updates a pass
def test_divergence_ends_a_trial_at_once(make_trial, registered, minibatch, last):
    """Far from any evaluation: at the first loss that is not finite, and the row says after which pass."""

    class Doomed(Slope):
        name = "Doomed"
        evaluated, updates = False, 0

        def forward(self, x):
            """Well until the eighth update after the first evaluation, which follows the first pass."""
            Doomed.evaluated |= not torch.is_grad_enabled()
            Doomed.updates += Doomed.evaluated and torch.is_grad_enabled()
            return super().forward(x) * (math.nan if Doomed.updates > 7 else 1.0)

    registered(Doomed)
    changes = {"model": "Doomed", "settings": Doomed.Config(), "steps": 5000, "evaluate_every": 5000}
    (result,) = run_trial(dataclasses.replace(make_trial(), minibatch=minibatch, **changes), CPU)
    row = result.row
    assert row["status"] == "diverged"
    assert row["updates"] < 30, "nothing is gained by going on"
    assert (row["curve"][0]["step"], row["curve"][-1]["step"]) == (1, last + 1)
    assert row["reason"] == f"the loss was not finite after pass {last}"


def test_memory_that_runs_out_is_tried_in_smaller_chunks(make_trial, monkeypatch, capsys):
    siren = models.get_model("Siren")
    whole, most = siren.heads_on_lattice, 10_000
    trial = make_trial("Siren", length=128, activation_gib=0.03)
    (expected,) = run_trial(dataclasses.replace(trial, activation_gib=0.03 / 4), CPU)

    def bounded(model, lattice):
        if len(lattice) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        return whole(model, lattice)

    monkeypatch.setattr(siren, "heads_on_lattice", bounded)
    (result,) = run_trial(trial, CPU)
    assert result.row["status"] == "ok"
    assert result.row["reason"] == "in chunks of 0.0075 GiB, as memory ran out with larger ones"
    np.testing.assert_array_equal(result.residual, expected.residual)
    says = f"{trial}: CUDA out of memory. Tried to allocate 9 GiB.; runs again in chunks of 0.0075 GiB"
    assert capsys.readouterr().err.startswith(says)
    monkeypatch.setattr(siren, "lattice_only", True)  # it cannot be cut: once is enough
    (result,) = run_trial(trial, CPU)
    assert result.row["status"] == "out_of_memory"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nMore words."), "CUDA out of memory. Tr"),
        (MemoryError(), "MemoryError"),
        (MemoryError("Unable to allocate 8 EiB"), "Unable to allocate 8 EiB"),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried"), "[enforce] DefaultCPUAlloc"),
    ],
)
@pytest.mark.parametrize("at", ["heads_on_lattice", "initialise", "on_lattice"])
def test_lack_of_memory_becomes_a_row_and_the_next_trial_is_unharmed(make_trial, monkeypatch, error, reason, at):
    alone = run_trial(make_trial("Grid"), CPU)[0]

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(models.get_model("Siren"), at, fail)
        (result,) = run_trial(make_trial("Siren"), CPU)
    row = result.row
    assert row["status"] == "out_of_memory"
    assert row["reason"].startswith(reason)
    assert "\n" not in row["reason"]
    assert row["psnr"] is result.residual is None
    assert set(row) == set(NAMES)
    after = run_trial(make_trial("Grid"), CPU)[0]
    np.testing.assert_array_equal(after.residual, alone.residual)
    assert run_trial(make_trial("Siren"), CPU)[0].row["status"] == "ok"


def test_every_other_error_is_raised(make_trial, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(models.get_model("Siren"), "heads_on_lattice", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        run_trial(make_trial("Siren"), CPU)


@pytest.mark.parametrize(
    ("model", "changes", "reason"),
    [
        ("GSplat", {"dim": 3}, "GSplat renders images"),
        ("FourFeat", {"budget": 1500}, "its smallest form has more than 1500 values"),
        ("Grid", {"budget": 1}, "its smallest form has more than 1 values"),
    ],
)
def test_what_a_model_cannot_do_becomes_a_row(make_trial, model, changes, reason):
    (result,) = run_trial(make_trial(model, **changes), CPU)
    row = result.row
    assert row["status"] == "unsupported"
    assert reason in row["reason"]
    assert row["psnr"] is row["parameters"] is row["seconds"] is result.residual is None
    assert row["psnr_constant"] > 0
    assert set(row) == set(NAMES)


# Equal trials, equal numbers


def numbers(result):
    row = {key: value for key, value in result.row.items() if key not in TIMES}
    return row | {"curve": [{k: v for k, v in point.items() if k != "seconds"} for point in row["curve"]]}


@pytest.mark.parametrize("model", [*SCATTERED, "GSplat"])
def test_the_same_trial_gives_the_same_numbers_whatever_ran_before(make_trial, model):
    trial = make_trial(model, length=12, minibatch=None if model == "GSplat" else 40)
    (first,) = run_trial(trial, CPU)
    assert first.row["status"] == "ok"
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 the global stream is what must not matter
    run_trial(make_trial("Siren", seed=5, lr=1.0), CPU)
    (second,) = run_trial(trial, CPU)
    assert numbers(first) == numbers(second)
    np.testing.assert_array_equal(first.residual, second.residual)
    (other,) = run_trial(dataclasses.replace(trial, seed=2024), CPU)
    assert other.row["psnr"] != first.row["psnr"]


def test_a_trial_leaves_the_global_streams_alone(make_trial):
    np.random.seed(3)  # noqa: NPY002 the global stream is meant
    before, expected = torch.get_rng_state(), np.random.RandomState(3).random_sample()
    run_trial(make_trial("BACON", minibatch=100), CPU)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.random_sample() == expected  # noqa: NPY002


def test_every_purpose_has_its_own_stream(make_trial):
    def first(purpose, **changes):
        return torch.rand(4, generator=stream(make_trial(**changes), purpose, CPU)).tolist()

    assert first("initial values") != first("batches")
    assert first("initial values") != first("initial values", seed=2024)
    assert first("initial values") == first("initial values", budget=10_000, bandlimit=0.9)
    assert first("initial values") == first("initial values", model="Siren")


def test_models_start_from_the_same_values_at_every_band(make_trial, monkeypatch):
    started = []
    original = harness.train.fit.LatticeGradient.__init__

    def record(self, model, *arguments):
        started.append(copy.deepcopy(model.state_dict()))
        original(self, model, *arguments)

    monkeypatch.setattr(harness.train.fit.LatticeGradient, "__init__", record)
    for band in (0.5, 0.9):
        run_trial(make_trial("Siren", bandlimit=band), CPU)
    assert all(torch.equal(started[0][name], started[1][name]) for name in started[0])


@pytest.mark.parametrize(("signal", "task"), [("BandlimitedSignal", "fit"), ("Sierpinski", "denoise_0.1")])
def test_a_signal_seed_draws_what_is_seen_and_a_seed_how_it_is_fitted(make_trial, monkeypatch, signal, task):
    seen = []
    original = harness.train.fit.LatticeGradient.__init__

    def record(self, model, given, *arguments):
        seen.append((model.state_dict()["layers.0.weight"].clone(), torch.as_tensor(given.target).clone()))
        original(self, model, given, *arguments)

    monkeypatch.setattr(harness.train.fit.LatticeGradient, "__init__", record)
    for seed, signal_seed in ((1, 1), (2, 1), (1, 2)):
        (result,) = run_trial(make_trial("Siren", signal=signal, task=task, seed=seed, signal_seed=signal_seed), CPU)
        assert (result.row["seed"], result.row["signal_seed"]) == (seed, signal_seed)
    (values, target), (of_seed, same_target), (same_values, of_signal) = seen
    assert torch.equal(target, same_target)
    assert torch.equal(values, same_values)
    assert not torch.equal(values, of_seed)
    assert not torch.equal(target, of_signal)


# The row of a good trial


@pytest.mark.parametrize(("minibatch", "updates"), [(None, 1), (30, 4)])
def test_a_fit_is_ready_at_the_end_of_its_first_update(build, monkeypatch, minibatch, updates):
    """On a clock that updates alone move, 2 s each, and of which trying them out and evaluating take 100 and 1000."""
    model, task, now = build("Siren"), make_task(Lattice.regular(SHAPES[2])), [0.0]

    class Slow(harness.train.fit.Stepper):
        def prepare(self):
            now[0] += 100

        def _step(self, index):
            super()._step(index)
            now[0] += 2

    def evaluated(*_):
        now[0] += 1000

    monkeypatch.setattr(harness.train.fit, "Stepper", Slow)
    monkeypatch.setattr(harness.train.fit.Fit, "record", evaluated)
    monkeypatch.setattr(harness.train.fit.time, "perf_counter", lambda: now[0])
    result = fit(model, task, schedule(minibatch=minibatch, steps=3), generator())
    assert result.updates == 3 * updates
    assert (result.seconds, result.ready_at) == (2 * 3 * updates, 102)


def test_milliseconds_are_of_an_update_and_of_a_pass(make_trial):
    (result,) = run_trial(make_trial("Grid", signal="StarTarget", steps=2, minibatch=200), CPU)
    assert result.row["updates"] == 6, "24² points in batches of 200"
    assert result.row["ms_per_pass"] == pytest.approx(3 * result.row["ms_per_update"])


def test_the_load_is_that_of_a_core(monkeypatch):
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (6.0, 0.0, 0.0), raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 4)
    assert machine.load() == 1.5
    monkeypatch.delattr(machine.os, "getloadavg")
    assert machine.load() is None


def test_a_rows_numbers_belong_together(make_trial):
    (result,) = run_trial(make_trial("Siren", signal="StarTarget", steps=3), CPU)
    row = result.row
    assert row["parameters"] <= row["size"]
    assert row["updates"] == 3
    assert row["ms_per_update"] == row["ms_per_pass"] == pytest.approx(1000 * row["seconds"] / 3)
    assert row["ready_seconds"] > 0
    assert row["processor_seconds"] > 0
    assert row["load_at_start"] is None or row["load_at_start"] >= 0
    assert [point["step"] for point in row["curve"]] == [1, 2, 3]
    assert row["curve"][-1]["psnr"] == pytest.approx(row["psnr"], abs=1e-4)
    assert row["curve"][-1]["seconds"] == row["seconds"]
    assert len(row["psnr_rings"]) == 9
    assert row["shape"] == [24, 24, 1]
    assert row["settings"]["omega"] == 90.0
    assert row["backend"] == "torch"
    assert row["device"].startswith("cpu: ")
    assert row["peak_memory_bytes"] is None or row["peak_memory_bytes"] > 10**6


def test_bfloat16_trains_in_float32_values(make_trial):
    exact = run_trial(make_trial("Siren"), CPU)[0]
    rounded = run_trial(make_trial("Siren", precision="bf16"), CPU)[0]
    assert rounded.row["status"] == "ok"
    assert rounded.residual.dtype == np.float32
    assert rounded.row["psnr"] != exact.row["psnr"]
    assert rounded.row["psnr"] == pytest.approx(exact.row["psnr"], abs=3)


@pytest.mark.parametrize("precision", ["bf16", "bf16x3"])
@pytest.mark.parametrize("name", ["Siren", "FourFeat", "BACON", "Wire", "GAPlane"])
def test_values_are_evaluated_in_float32_whatever_trains_them(build, name, precision):
    model, task = build(name), make_task(Lattice.regular(SHAPES[2]))
    loss, _, answer = LatticeGradient(model, task, schedule(precision=precision)).evaluate()
    with torch.no_grad():
        exact = model.on_lattice(task.lattice).numpy()
        heads = model.heads_on_lattice(task.lattice)
    assert np.array_equal(answer, exact)
    assert np.array_equal(predict(model, task.lattice), exact)
    assert loss == pytest.approx(((heads - torch.as_tensor(task.target)) ** 2).mean().item(), rel=1e-6)
    with torch.no_grad(), running(precision, CPU):
        assert precision == "bf16x3" or not np.array_equal(model.on_lattice(task.lattice).float().numpy(), exact)


def test_the_precision_of_products_is_put_back():
    before = torch.get_float32_matmul_precision()
    with matmul_precision("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
        with matmul_precision("fp32"):
            assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == before
