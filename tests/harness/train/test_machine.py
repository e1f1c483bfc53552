"""Memory of the host: within a trial a process keeps what it frees, afterwards it gives it back."""

import contextlib
import platform
import re
from pathlib import Path

import pytest
import torch

from harness.train import machine, run_trial
from harness.train.machine import FEW, LARGEST, keeping_memory

ARRAYS = 8

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone is told")


def resident() -> int:
    """Bytes."""
    return int(re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


@pytest.mark.parametrize(
    ("values", "points"),
    [(LARGEST // 8, FEW + 1), (LARGEST // 2, FEW)],  # float32: arrays of half and of twice the largest in the heap
)
def test_memory_stays_for_a_trial_and_goes_back_at_its_end(values, points):
    cpu, size = torch.device("cpu"), 4 * values * ARRAYS
    with keeping_memory(cpu, points):
        pass  # what earlier tests left is given back
    before = resident()
    with keeping_memory(cpu, points):
        arrays = [torch.ones(values) for _ in range(ARRAYS)]
        assert resident() - before > 0.9 * size
        del arrays
        assert resident() - before > 0.9 * size
    assert resident() - before < 0.1 * size


def test_scores_are_made_after_the_memory_of_training_went_back(make_trial, monkeypatch):
    """Kept as well, the large arrays of finer lattices left holes in the heap, up to 24 GB in ten trials."""
    happened = []

    @contextlib.contextmanager
    def keeping(device, points):
        happened.append("kept")
        yield
        happened.append("given back")

    def noted(name, function):
        return lambda *given: happened.append(name) or function(*given)

    monkeypatch.setattr(machine, "keeping_memory", keeping)
    for name in ("train", "score"):
        monkeypatch.setattr(run_trial, name, noted(name, getattr(run_trial, name)))
    run_trial.run_trial(make_trial("Grid"), torch.device("cpu"))
    assert happened == ["kept", "train", "given back", "score"]
