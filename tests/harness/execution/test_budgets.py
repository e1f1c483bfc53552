"""Budgets, lengths and workers that a machine has no room for: refused before anything begins, in one line."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness
from common.errors import UsageError
from harness.execution import search, search_options
from harness.execution.launch import FREE, SOLVED, TRAINED, check_budgets, make_launch
from harness.execution.options import parse
from harness.train import machine

CPU = torch.device("cpu")
GB = 10**9


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """`memory(bytes)`: what every device has; 10 GB until then."""

    def set_memory(found):
        monkeypatch.setattr(machine, "memory", lambda device: found)

    set_memory(10 * GB)
    return set_memory


@pytest.fixture
def plan(tmp_path):
    def make(*words):
        common = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Grid_exact"]
        return make_launch(parse([*common, "--out", str(tmp_path), *map(str, words)]))

    return make


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sizes", "1e9"], "--sizes: 1,000,000,000 parameters of Grid take about 24 GB, and cpu: "),
        (["--sizes", "1e4", "1e15"], "GB, and cpu: "),
        (
            ["--sizes", "1e9", "--models", "Grid_exact"],
            "--sizes: 1,000,000,000 parameters of Grid_exact take about 12 GB",
        ),
        (["--steps", "1e18"], "--steps: must be at most 1,000,000,000, got 1000000000000000000"),
        (["--length", "1e8"], "--length: Sierpinski of length 100000000 has 1e+16 points, and at most 1,073,741,824"),
        (["--signal", "Solids", "--length", "1e6"], "--length: Solids of length 1000000 has "),
    ],
)
def test_what_nobody_has_room_for(plan, words, says):
    with pytest.raises(UsageError, match=rf"^[^\n]*{re.escape(says)}[^\n]*$"):
        plan(*words)


def test_a_budget_that_fits_and_one_more(plan):
    most = int(FREE * 10 * GB / TRAINED)
    assert {trial.budget for trial in plan("--sizes", most).trials} == {most}
    with pytest.raises(UsageError, match=rf" has 9 GB for them; give at most {most:,}$"):
        plan("--sizes", most + 1)


def test_machines_of_a_cluster_are_not_asked(plan):
    assert plan("--sizes", "1e9", "--executor", "slurm").trials


def test_where_the_memory_is_not_known_nothing_is_refused(plan, memory):
    memory(None)
    assert plan("--sizes", "1e15").trials


@pytest.mark.parametrize("model", ["Grid", "Grid_exact"])
@given(budget=st.integers(1, 10**15), size=st.integers(1 << 20, 1 << 50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_budget_that_is_named_fits_and_no_greater_one_does(make_trial, memory, model, budget, size):
    memory(size)
    trial, room = make_trial(model), FREE * size / (TRAINED if model == "Grid" else SOLVED)
    try:
        check_budgets([dataclasses.replace(trial, budget=budget)], CPU)
    except UsageError as error:
        assert budget > room
        most = int(re.search(r"give at most ([\d,]+)$", str(error))[1].replace(",", ""))
        assert most <= room < most + 1
    else:
        assert budget <= room


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sizes", "1e9"], "--sizes: 1,000,000,000 parameters of Grid take about 24 GB"),
        (["--kinds", "synthetic", "--length", "1e9"], "--length: DevelopmentSynthetic of length 1000000000 has 1e+18"),
        (["--kinds", "volume", "--length", "1e5"], "--length: DevelopmentVolumes of length 100000 has 1e+15 points"),
        (["--search-seeds", "0", "4294967296"], "--search-seeds: from 0 to 2**32 - 1 each, got 4294967296"),
        (["--minutes", "inf"], "argument --minutes: must be more than 0 and at most 525,600"),
    ],
)
def test_a_search_refuses_the_same(tmp_path, words, says):
    common = ["--preset", "smoke", "--device", "cpu", "--models", "Grid", "--trials", "2", "--out", str(tmp_path)]
    with pytest.raises(UsageError, match=re.escape(says)):
        search.make_search(search_options.parse([*common, *words]))


def test_an_array_in_memory_too():
    with pytest.raises(UsageError, match=r"^size: 1,000,000,000 parameters of Grid take about 24 GB"):
        harness.fit_array(np.eye(16), model="Grid", size=1e9, steps=1, device="cpu")


def test_each_number_of_bits_is_made_once(plan):
    pytest.importorskip("constriction")
    assert {trial.bits for trial in plan("--bits", 8, 4, 8).trials} == {(8, 4)}


@pytest.mark.parametrize(
    ("limit", "found"), [(None, 6000), ("max\n", 6000), ("4000\n", 4000), ("9223372036854771712\n", 6000)]
)
def test_the_memory_is_the_machines_or_the_containers_part(tmp_path, monkeypatch, limit, found):
    monkeypatch.undo()  # the memory of the other tests
    path = tmp_path / "memory.max"
    if limit is not None:
        path.write_text(limit)
    monkeypatch.setattr(machine, "CONTAINER", path)
    monkeypatch.setattr(machine.os, "sysconf", {"SC_PAGE_SIZE": 2, "SC_PHYS_PAGES": 3000}.__getitem__)
    machine.memory.cache_clear()
    assert machine.memory(CPU) == found
    machine.memory.cache_clear()


def test_a_system_that_tells_nothing(monkeypatch):
    monkeypatch.undo()

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(machine.os, "sysconf", unknown)
    machine.memory.cache_clear()
    assert machine.memory(CPU) is None
    machine.memory.cache_clear()
