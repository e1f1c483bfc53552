"""Which values of a fit are the best, and when it is evaluated."""

import dataclasses

import numpy as np
import pytest
import torch

from common.lattice import Lattice
from harness.train.chunks import predict
from harness.train.data import signal_of, task_of
from harness.train.fit import Fit, fit
from harness.train.loss import LatticeGradient
from harness.train.run_trial import run_trial
from target_signals.tasks.operators import Identity
from target_signals.tasks.task import Scoring, Task
from tests.harness.train.toys import CPU, SCATTERED, BlockMean, Slope, generator, make_task, schedule


def slope(lr, cls=Slope, **changes):
    lattice = Lattice.regular((4, 4))
    model = cls(None, lattice, 1, 1)
    model.initialise(generator())
    task = make_task(lattice, truth=np.full((4, 4, 1), 0.5, np.float32))
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


def test_of_equally_good_evaluations_the_first_is_the_best():
    model, task, plan = slope(lr=0.0)
    result = fit(model, task, plan, generator())
    assert (len({point["psnr"] for point in result.curve}), result.best_step) == (1, 1)


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


@pytest.mark.parametrize("observed", ["the truth", "as much"])
def test_the_best_is_chosen_by_what_is_scored(observed):
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
    target = truth if observed == "the truth" else truth.copy()  # as noisy values are, where no curve knows their score
    task = Task(lattice, target, truth, Identity(), (Scoring("fit", lattice, truth, True),))
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


def test_rings_and_the_residual_are_of_the_last_values(make_trial, registered):
    registered(Slope)
    changes = {"model": "Slope", "settings": Slope.Config(lr=0.4), "steps": 2, "evaluate_every": 1}
    trial, kept = dataclasses.replace(make_trial(signal="StarTarget"), **changes), []
    (result,) = run_trial(trial, CPU, on_model=kept.append)
    (scoring,) = task_of(trial, signal_of(trial)).scorings
    answer = predict(kept[0], scoring.lattice)
    assert result.row["best_step"] == 1
    np.testing.assert_array_equal(result.residual, answer - scoring.truth)
    assert result.row["psnr_rings"] == pytest.approx(scoring.ring_scores(answer), abs=1e-6)


@pytest.mark.parametrize(("lr", "count"), [(0.01, 1), (0.4, 2)], ids=["best last", "best before"])
def test_what_is_last_and_best_is_scored_once(make_trial, registered, monkeypatch, lr, count):
    registered(Slope)
    scores, scored = Scoring.scores, []
    monkeypatch.setattr(Scoring, "scores", lambda *given: scored.append(1) or scores(*given))
    changes = {"model": "Slope", "settings": Slope.Config(lr=lr), "steps": 2, "evaluate_every": 1}
    (result,) = run_trial(dataclasses.replace(make_trial(signal="BandlimitedSignal"), **changes), CPU)
    assert len(scored) == count
    assert (result.row["psnr"] == result.row["psnr_best"]) == (count == 1)


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
