"""What the tests of the harness share: small trials, whole rows, and the command line."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.config import load_config
from harness.plan import choose_source, make_plan
from harness.results import COLUMNS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def config():
    return load_config()


@pytest.fixture(autouse=True)
def denormal_numbers_as_they_were():
    """A trial may flush them to zero for its own speed; other tests of this process count on them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def make_trial(config):
    """`make_trial("Siren", dim=3, steps=5, lr=1.0)`: a trial of the smoke preset with some fields changed."""

    def make(model="Grid", signal="BandlimitedSignal", dim=2, lr=None, task="fit", **changes):
        preset = config.preset("smoke", signal, dim)
        (trial, *_) = make_plan(config, choose_source(signal, dim), [task], "smoke", preset, [model])
        if lr is not None:
            changes["settings"] = dataclasses.replace(trial.settings, lr=lr)
        return dataclasses.replace(trial, **changes)

    return make


@pytest.fixture
def make_row():
    """A row with every column, as a finished trial leaves it, with some changed."""
    row = dict.fromkeys(COLUMNS)
    row |= {"signal": "Sierpinski", "dim": 2, "length": 24, "shape": [24, 24, 1], "bandlimit": 0.5, "task": "fit"}
    row |= {"model": "Grid", "label": "learned", "size": 2500, "seed": 1234, "preset": "smoke", "steps": 3}
    row |= {"settings": {"lr": 0.1}, "config_hash": "0123456789ab", "status": "ok", "parameters": 2500}
    row |= {"psnr": 14.96, "ssim": 0.5, "psnr_best": 15.0, "ssim_best": 0.5, "best_step": 2, "psnr_constant": 9.3}
    row |= {"curve": [{"step": 1, "loss": 0.1, "psnr": 10.0, "seconds": 0.1}], "updates": 3, "seconds": 0.3}
    row |= {"ms_per_step": 100.0, "device": "cpu", "backend": "torch", "precision": "fp32"}
    row |= {"versions": {"torch": "2"}, "started": "2026-01-01T00:00:00.000+00:00"}
    return lambda **changes: row | changes


@pytest.fixture(scope="session")
def environment():
    """The environment of a shell in which this Python is the active one."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def command(environment):
    """Run a command line to its end: returncode, stdout and stderr."""

    def run(*arguments, cwd=ROOT, timeout=120):
        line = [str(a) for a in arguments]
        return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout)

    return run
