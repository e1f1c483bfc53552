"""The threads of workers: none takes more than its share of the cores, and idle ones wait without spinning."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from harness.execution.executor import Order, share_of_cores
from harness.execution.executors import slurm
from tests.harness.sweep import needs

WORKER = """
import os, sys
import harness.execution.worker as worker
assert "torch" not in sys.modules, "too late: OpenMP reads its environment once"
def plan(arguments):
    import torch
    raise SystemExit(0)
worker.plan = plan
worker.work(worker.Order((), os.getcwd(), "cpu"))
"""
RUN = ["run.py", "--signal", "StarTarget", "--preset", "smoke", "--device", "cpu", "--dry-run"]
VERB = ["-c", "import harness.__main__ as verbs; verbs.main(['verify', '--out', 'absent']); import torch"]


@pytest.fixture
def clean(environment):
    """An environment that says nothing of threads."""
    return {name: value for name, value in environment.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}


@pytest.mark.parametrize("line", [["-c", WORKER], RUN, VERB], ids=["worker", "run.py", "python -m harness"])
@pytest.mark.parametrize(("asked", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_idle_threads_wait_without_spinning_unless_they_are_told_to(root, clean, line, asked, found):
    """As OpenMP itself tells of its settings when PyTorch loads it."""
    told = clean | {"OMP_DISPLAY_ENV": "TRUE"} | ({"OMP_WAIT_POLICY": asked} if asked else {})
    result = subprocess.run([sys.executable, *line], cwd=root, env=told, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    if "OPENMP DISPLAY ENVIRONMENT" not in result.stderr:
        pytest.skip("this PyTorch's OpenMP does not tell of its settings")
    assert f"OMP_WAIT_POLICY = '{found}'" in result.stderr


def test_a_share_is_what_the_environment_says_or_a_part_of_the_cores(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [share_of_cores(workers) for workers in (1, 4, 5, 100)] == ["64", "16", "12", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert share_of_cores(4) == "7"


@pytest.mark.parametrize(("slurms", "own", "found"), [("8", None, "8"), ("8", "2", "2"), (None, None, None)])
def test_a_slurm_job_has_the_cores_that_slurm_gave_it(monkeypatch, slurms, own, found):
    for name, value in (("SLURM_CPUS_ON_NODE", slurms), ("OMP_NUM_THREADS", own)):
        monkeypatch.setenv(name, value or "")
        if value is None:
            monkeypatch.delenv(name)
    monkeypatch.setattr(slurm, "work", lambda order: os.environ.get("OMP_NUM_THREADS"))
    monkeypatch.setattr(slurm.signal, "signal", lambda *given: None)  # it is this process's own
    assert slurm.run_order(Order((), "/", "cuda")) == found


@needs["slurm"]
def test_jobs_that_are_processes_here_share_the_cores(make_trial, monkeypatch, tmp_path):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("PATH", "/nowhere")  # where no Slurm is
    workers, given = slurm.Workers(Order((), "/", "cpu"), 3, tmp_path, []), []

    def start(call, orders):
        given.append((len(orders), os.environ["OMP_NUM_THREADS"]))
        return [SimpleNamespace(job_id=1)]

    monkeypatch.setattr(workers.executor, "map_array", start)
    workers.submit([make_trial("Grid", seed=seed) for seed in range(9)])
    assert given == [(3, "2")]
