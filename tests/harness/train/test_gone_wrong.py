"""What a trial makes of a fit that goes wrong."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import models
from harness.store.schema import NAMES
from harness.train.run_trial import run_trial
from tests.harness.train.toys import CPU, Slope


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


LACK = MemoryError("Unable to allocate 8 EiB")


@pytest.mark.parametrize(
    ("at", "error", "reason"),
    [
        (
            "heads_on_lattice",
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nMore words."),
            "CUDA out of memory. Tr",
        ),
        ("heads_on_lattice", MemoryError(), "MemoryError"),
        (
            "heads_on_lattice",
            RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried"),
            "[enforce] DefaultCPUAlloc",
        ),
        *((place, LACK, "Unable to allocate 8 EiB") for place in ("initialise", "heads_on_lattice", "on_lattice")),
    ],
)
def test_lack_of_memory_becomes_a_row_and_the_next_trial_is_unharmed(make_trial, monkeypatch, at, error, reason):
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
