"""What trials share, the truth and the coordinates of lattices, is the same whatever a model or a task did to it."""

import dataclasses

import numpy as np
import pytest
import torch

from common.errors import UsageError
from common.lattice import Lattice
from harness.train.data import cached_signal, cached_task, signal_of, task_of
from harness.train.run_trial import run_trial
from tests.harness.train.toys import CPU, Slope


@pytest.fixture(autouse=True)
def nothing_shared_before():
    cached_signal.cache_clear(), cached_task.cache_clear()


def overwrite(lattice, target):
    target.zero_()


def overwrite_through_numpy(lattice, target):
    target.cpu().numpy()[...] = 0


@pytest.mark.parametrize("how", [overwrite, overwrite_through_numpy])
@pytest.mark.parametrize("method", ["initialise_from", "solve"])
def test_a_model_that_writes_over_its_target_changes_no_score(make_trial, registered, method, how):
    class Scratch(Slope):
        name = "Scratch"

        def initialise_from(self, lattice, target, rng):
            if method == "initialise_from":
                how(lattice, target)

        def solve(self, lattice, target):
            if method == "solve":
                how(lattice, target)
            return False

    registered(Scratch)
    grid = make_trial("Grid")
    scratch = dataclasses.replace(grid, model="Scratch", settings=Scratch.Config())
    truth, (before,) = signal_of(grid).values.copy(), run_trial(grid, CPU)
    (result,) = run_trial(scratch, CPU)
    np.testing.assert_array_equal(signal_of(grid).values, truth)
    assert result.row["psnr_constant"] == before.row["psnr_constant"]
    np.testing.assert_array_equal(task_of(grid, signal_of(grid)).target[..., 0], truth)
    (after,) = run_trial(grid, CPU)
    assert after.row["psnr"] == before.row["psnr"]


def test_a_model_that_moves_a_lattice_is_named_and_others_see_it_where_it_was(make_trial, registered):
    class Mover(Slope):
        name = "Mover"

        def on_lattice(self, lattice):
            x, *_ = lattice.open_mesh(self.device)
            x *= 3
            return super().on_lattice(lattice)

    registered(Mover)
    siren = make_trial("Siren")
    (before,) = run_trial(siren, CPU)
    with pytest.raises(UsageError, match=r"^Mover changes the coordinates of a lattice in place"):
        run_trial(dataclasses.replace(siren, model="Mover", settings=Mover.Config()), CPU)
    (after,) = run_trial(siren, CPU)
    assert after.row["psnr"] == before.row["psnr"]


def test_a_lattice_is_restored_as_it_was_made():
    lattice = Lattice.regular((4, 5))
    axes = [axis.copy() for axis in lattice.axes]
    assert not lattice.restore()
    lattice.axes[0][0] = 0
    assert lattice.restore()
    lattice.axis_tensors("cpu")[1].mul_(2)
    assert lattice.restore()
    assert not lattice.restore()
    for k, axis in enumerate(axes):
        assert np.array_equal(lattice.axes[k], axis)
        assert torch.equal(lattice.axis_tensors("cpu")[k], torch.tensor(axis, dtype=torch.float32))
