"""A trial's numbers depend on the trial alone: not on the order, on what ran before, nor on the process."""

import random

import numpy as np
import pytest
import torch

import models
from harness.commands import run as run_command
from harness.store.table import load
from harness.train.run_trial import run_trial
from target_signals import get_signal

CPU = torch.device("cpu")


def numbers(results):
    """What must be the same, bit for bit: of every scoring the scores, the curve but its times, the residual."""
    return [
        (
            {name: value for name, value in result.row.items() if name.startswith(("psnr", "ssim", "iou", "best"))},
            [(point["step"], point["loss"], point["psnr"]) for point in result.row["curve"] or ()],
            None if result.residual is None else result.residual.tobytes(),
        )
        for result in results
    ]


@pytest.fixture
def trials(make_trial):
    """Every model once, some in batches, in 3D, on noise and on random signals."""
    made = [make_trial(name, seed=3) for name in models.registry.names() if not models.get_model(name).inverts]
    made.append(make_trial("FBP", "SheppLogan", task="ct", item="phantom"))
    made += [make_trial("Siren", minibatch=100, steps=5), make_trial("Wire", dim=3), make_trial("BACON", dim=3)]
    return [*made, make_trial("Grid", task="denoise_0.1"), make_trial("GAPlane", signal="SparseSphereSignal", dim=3)]


def disturb():
    """What may have happened in a process before."""
    random.seed(4)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(6)
    torch.rand(7)
    get_signal("BandlimitedSignal", 2, 24, 0.9, 99)


def test_the_order_and_what_ran_before_change_nothing(trials):
    first = [numbers(run_trial(trial, CPU)) for trial in trials]
    disturb()
    again = [numbers(run_trial(trial, CPU)) for trial in reversed(trials)]
    for trial, one, two in zip(trials, first, reversed(again), strict=True):
        assert one == two, str(trial)


def test_a_fresh_process_gives_the_same(tmp_path, command, undrawn):
    """The command line, in this process after everything above and in one of its own."""
    arguments = ["--signal", "BandlimitedSignal", "--dim", "2", "--preset", "smoke", "--device", "cpu", "--task"]
    arguments += ["fit", "denoise"]
    disturb()
    run_command.main([*arguments, "--out", str(tmp_path / "here")])
    command(*undrawn, *arguments, "--out", tmp_path / "there")
    here, there = (sorted((tmp_path / name).glob("*/arrays/*.npz")) for name in ("here", "there"))
    assert len(here) > 30
    for one, two in zip(here, there, strict=True):
        assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())
    tables = [load(tmp_path / name).sort_values(["task", "model"], ignore_index=True) for name in ("here", "there")]
    scores = ["psnr", "psnr_best", "ssim", "best_step", "parameters", "residual_sha256", "config_hash"]
    assert tables[0][scores].equals(tables[1][scores])
    curves = [[[(p["loss"], p["psnr"]) for p in curve] for curve in table["curve"]] for table in tables]
    assert curves[0] == curves[1]
