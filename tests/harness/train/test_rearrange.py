"""What the loop lets a model do with its target: `initialise_from` before it, `rearrange` between passes."""

import pytest
import torch

from common.errors import UsageError
from common.lattice import Lattice
from harness.train.fit import fit
from harness.train.run_trial import run_trial
from models.gaussian_image import GaussianImage
from models.grid import Grid
from tests.harness.train import toys

CPU = torch.device("cpu")


class Nudged(Grid):
    """A grid that notes what it is offered, and moves its values after the second pass."""

    name = "Nudged"

    def rearrange(self, step, steps, residual, rng):
        self.offered = [*getattr(self, "offered", []), (step, steps)]
        if step == 2:
            expected = self.target - self.on_lattice(self.lattice).detach()
            torch.testing.assert_close(residual(), expected)
            with torch.no_grad():
                self.values.fill_(100.0)


def fitted(steps):
    model = Nudged(Grid.Config(lr=0.1, initial=0.1), Lattice.regular((6, 5)), 1, 4)
    model.initialise(torch.Generator())
    task = toys.make_task(model.lattice)
    model.target = torch.as_tensor(task.target)
    schedule = toys.schedule(lr=0.1, steps=steps, evaluate_every=1)
    return model, fit(model, task, schedule, torch.Generator())


def test_between_two_passes_a_model_may_move_its_values():
    model, result = fitted(5)
    assert model.offered == [(1, 5), (2, 5), (3, 5), (4, 5)], "not after the last"
    loss = [point["loss"] for point in result.curve]
    assert loss[1] < 1, "what moves after a pass is not in its evaluation"
    assert loss[2] > 1000, "but in the next one's"
    assert result.best_step == 2


@pytest.mark.parametrize("how", ["another parameter", "other memory"])
def test_values_that_are_not_moved_in_place_are_one_line(monkeypatch, how):
    """The optimiser would go on with those that it knows, and a recorded update with the memory that it read."""

    def replace(self, *given):
        if how == "another parameter":
            self.values = torch.nn.Parameter(self.values.detach().clone())
        else:
            self.values.data = self.values.data.clone()

    monkeypatch.setattr(Nudged, "rearrange", replace)
    with pytest.raises(UsageError, match=r"^Nudged\.rearrange replaces values; write into it, as with copy_$"):
        fitted(2)


def test_a_single_pass_has_nothing_between():
    assert not hasattr(fitted(1)[0], "offered")


@pytest.mark.parametrize("task", ["fit", "denoise_0.1", "super_resolution"])
def test_the_start_sees_what_is_observed(make_trial, monkeypatch, task):
    seen = []
    monkeypatch.setattr(GaussianImage, "initialise_from", lambda self, *given: seen.append(given))
    run_trial(make_trial("GaussianImage", "SheppLogan", task=task, steps=1), CPU)
    ((lattice, target, rng),) = seen
    assert target.shape[:-1] == lattice.shape
    assert rng.device == CPU


def test_a_trial_sees_its_target_only_where_values_are_observed(make_trial):
    """In CT, GaussianAdaptive is GaussianImage to the last bit."""
    rows = {}
    for task in ("fit", "ct", "inpaint_0.5"):
        for model in ("GaussianImage", "GaussianAdaptive"):
            trial = make_trial(model, "SheppLogan", task=task, steps=30)
            rows[task, model] = run_trial(trial, CPU)[0].row["psnr"]
    assert rows["ct", "GaussianAdaptive"] == rows["ct", "GaussianImage"]
    assert rows["inpaint_0.5", "GaussianAdaptive"] == rows["inpaint_0.5", "GaussianImage"]
    assert rows["fit", "GaussianAdaptive"] > rows["fit", "GaussianImage"]


@pytest.mark.parametrize(
    ("model", "task", "said"),
    [
        ("GaussianAdaptive", "fit", "initialise_from, rearrange"),
        ("SparseBases", "denoise_0.1", "initialise_from, rearrange"),
        ("SparseBases", "inpaint_0.5", None),
        ("GaussianImage", "fit", None),
        ("Grid_exact", "fit", None),
    ],
)
def test_a_row_says_which_hooks_saw_the_target(make_trial, model, task, said):
    row = run_trial(make_trial(model, "SheppLogan", task=task, steps=2), CPU)[0].row
    assert row["sees_target"] == said


def test_only_what_a_class_defines_counts():
    assert Grid.target_hooks() == []
    assert Nudged.target_hooks() == ["rearrange"]
