"""What a plan costs: from rows that runs left to an estimate in words."""

import json

import pytest
import torch

from harness.execution import ordering
from harness.plan import cost
from harness.store.table import to_table

CPU = torch.device("cpu")


@pytest.fixture
def times(make_row, monkeypatch):
    """Times measured on rows of two budgets at 24² and, to be left out, at 12²; 40 passes in 2 s are 50 ms each."""

    def row(size, seconds, **changes):
        curve = [{"step": 1, "loss": 1.0, "psnr": 1.0, "seconds": 0.1}, {"step": 40, "loss": 1.0, "psnr": 1.0}]
        return make_row(size=size, seconds=seconds, curve=curve, device="cpu: a processor, 2 threads", **changes)

    rows = [row(1000, 2.0), row(1000, 4.0, seed=1), row(1000, 2.4, seed=2), row(100_000, 24.0)]
    rows += [row(1000, 100.0, shape=[12, 12, 1]), row(1000, 100.0, status="diverged")]
    rows += [row(size, size / 5000, model="Grid_exact", updates=0) for size in (1000, 100_000)]
    measured = cost.measured_times(to_table(rows))
    monkeypatch.setattr(cost, "_times", lambda: measured)
    return measured


def test_a_pass_takes_the_median_of_the_largest_lattice(times):
    assert times == {
        "cpu": {
            "machine": "a processor, 2 threads",
            "points": {"2D": 576},
            "ms_per_pass": {"Grid 2D": {"1000": 60.0, "100000": 600.0}},
            "seconds_to_solve": {"Grid_exact 2D": {"1000": 0.2, "100000": 20.0}},
        }
    }


def test_new_times_join_those_of_other_models_and_devices(times):
    newer = {"cpu": times["cpu"] | {"ms_per_pass": {"Siren 2D": {"1000": 7.0}, "Grid 2D": {"1000": 5.0}}}}
    found = cost.merged(times | {"cuda": times["cpu"]}, newer)
    assert found["cuda"] == times["cpu"]
    assert found["cpu"]["ms_per_pass"] == {"Siren 2D": {"1000": 7.0}, "Grid 2D": {"1000": 5.0}}
    assert found["cpu"]["seconds_to_solve"] == times["cpu"]["seconds_to_solve"]
    larger = {"cpu": newer["cpu"] | {"points": {"2D": 1000}}}
    assert cost.merged(times, larger) == larger, "times at other numbers of points do not mix"
    assert cost.merged({}, newer) == newer


@pytest.mark.parametrize(
    ("size", "length", "seconds"),
    [
        (1000, 24, 0.060),
        (100_000, 24, 0.600),
        (10_000, 24, 0.060 * 10**0.5),  # log-log half-way
        (1000, 48, 0.240),  # four times the points
        (500, 24, 0.060),  # below the least budget
        (1_000_000, 24, 6.0),  # beyond the largest: in proportion
    ],
)
def test_a_trial_costs_its_passes_and_a_start(times, make_trial, size, length, seconds):
    trial = make_trial("Grid", budget=size, length=length, steps=100)
    assert cost.trial_seconds(trial, "cpu") == pytest.approx(cost.START_SECONDS + 100 * seconds, rel=1e-6)


def test_few_points_on_a_gpu_cost_its_launches(times, make_trial):
    """A pass over a fiftieth of the points that were timed, and over fewer, takes a fiftieth of the time."""
    times["cuda"] = times["cpu"]
    fiftieth = cost.START_SECONDS + 100 * 0.060 / 50
    for length, points in ((2, 4), (3, 9)):
        trial = make_trial("Grid", budget=1000, length=length, steps=100)
        assert cost.trial_seconds(trial, "cuda") == pytest.approx(fiftieth, rel=1e-6)
        in_proportion = cost.START_SECONDS + 100 * 0.060 * points / 576
        assert cost.trial_seconds(trial, "cpu") == pytest.approx(in_proportion, rel=1e-6)
    in_proportion = cost.START_SECONDS + 100 * 0.060 * 16 / 576
    trial = make_trial("Grid", budget=1000, length=4, steps=100)
    assert cost.trial_seconds(trial, "cuda") == pytest.approx(in_proportion, rel=1e-6), "more than a fiftieth"


def test_a_plan_is_told_in_words(times, make_trial):
    trials = [make_trial("Grid", budget=1000, length=24, steps=1000)] * 2
    assert cost.describe_cost(trials, CPU) == "about 2 minutes (as timed on a processor, 2 threads)"
    trials.append(make_trial("BACON"))
    assert cost.describe_cost(trials, CPU) == "about 2 minutes (as timed on a processor, 2 threads), without BACON"
    assert cost.describe_cost(trials[2:], CPU) == "no estimate, never timed here"
    assert cost.describe_cost([], CPU) == "nothing to do"
    assert cost.describe_cost(trials, torch.device("cuda")) == "no estimate, never timed here"


@pytest.mark.parametrize(("size", "length", "seconds"), [(10_000, 24, 2.0), (100_000, 48, 80.0), (200_000, 24, 20.0)])
def test_a_solved_trial_costs_its_solution(times, make_trial, size, length, seconds):
    """However many passes others make."""
    trial = make_trial("Grid_exact", budget=size, length=length, steps=10**6)
    assert cost.trial_seconds(trial, "cpu") == pytest.approx(cost.START_SECONDS + seconds)
    assert cost.trial_seconds(make_trial("Wavelet"), "cpu") is None, "was never timed"


def test_every_model_of_the_paper_has_been_timed(config):
    """The shipped file covers what `--dry-run` and the first line of a paper run promise."""
    shipped = json.loads(cost.TIMES.read_text())
    for kind in ("cpu", "cuda"):
        timed = shipped[kind]["ms_per_pass"] | shipped[kind]["seconds_to_solve"]
        for model in config.protocol.models:
            assert f"{model} 2D" in timed
            assert model == "GSplat" or f"{model} 3D" in timed


def test_workers_end_together_whatever_the_signals_are(make_trial, monkeypatch):
    """One signal after the other, the long trials of the last would keep one worker and leave the others idle."""
    monkeypatch.setattr(ordering, "trial_seconds", lambda trial, device: trial.budget / 1000)
    trials = [make_trial("Grid", seed=seed, budget=1000 * s) for seed in range(6) for s in (400, 40, 4, 4)]
    ordered = ordering.in_order(trials, "cuda")
    seconds = [trial.budget / 1000 for trial in ordered]
    assert seconds[:12] == [400] * 6 + [40] * 6, "the long ones first"
    assert [trial.seed for trial in ordered[12:]] == sorted([*range(6)] * 2), "the short ones by signal"
    workers = 4
    assert ordering.makespan(seconds, workers) < 1.15 * max(sum(seconds) / workers, 2 * 400)
