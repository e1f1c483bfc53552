"""Where trials run changes nothing but the time: workers here, Ray, Slurm, and two launches at once."""

import importlib.util
import json
import os
import subprocess
import sys
import time

import pytest
import torch

from harness import cli, cost, execute
from harness.ending import Failure
from harness.results import load

CPU = torch.device("cpu")

needs = {
    name: pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")
    for name, package in (("ray", "ray"), ("slurm", "submitit"))
}
takes_minutes = pytest.mark.skipif(
    "SWEEP_TESTS" not in os.environ, reason="starts clusters and launches, which takes minutes; set SWEEP_TESTS=1"
)
EVERYWHERE = [
    pytest.param(["--workers", "2"], id="workers"),
    pytest.param(["--executor", "ray"], id="ray", marks=needs["ray"]),
    pytest.param(["--executor", "slurm", "--workers", "2"], id="slurm", marks=needs["slurm"]),
]


def residuals(out):
    return load(out).set_index(["model", "size", "seed"])["residual_sha256"].to_dict()


@pytest.fixture(scope="module")
def quick(command, undrawn):
    """`quick(out, …)`: a part of the quick preset."""

    def run(out, *more):
        words = ["--signal", "StarTarget", "--preset", "quick", "--device", "cpu", "--sizes", "3e3", "--steps", "20"]
        words += ["--models", "Grid", "Instant_NGP", "Grid_exact", "GAPlane", "--out", out, *more]
        result = command(*undrawn, *words)
        assert result.returncode == 0, result.stderr
        return result

    return run


@pytest.fixture(scope="module")
def alone(quick, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    quick(out)
    return residuals(out)


@takes_minutes
@pytest.mark.parametrize("where", EVERYWHERE)
def test_the_quick_preset_gives_the_same_bits_everywhere(alone, quick, tmp_path, where):
    result = quick(tmp_path, *where)
    assert len(alone) == 4
    assert residuals(tmp_path) == alone
    assert [line.split("]")[0] for line in result.stdout.splitlines() if line.startswith("[")] == [
        f"[{n}/4" for n in (1, 2, 3, 4)
    ]
    assert "Traceback" not in result.stderr


@takes_minutes
@pytest.mark.parametrize("where", EVERYWHERE)
def test_each_trial_runs_once_and_force_runs_each_once_again(sweep, where):
    """A model's file of one's own is found by every worker."""
    sweep.run(*where, seeds=range(4), nap=0)
    before = sweep.rows()
    assert (len(before), sweep.starts()) == (4, 4)
    sweep.run(*where, seeds=range(4), nap=0)
    assert (sweep.rows(), sweep.starts()) == (before, 4)
    sweep.run(*where, "--force", seeds=range(4), nap=0)
    assert sweep.starts() == 8
    assert not {content for content, _ in sweep.rows().values()} & {content for content, _ in before.values()}
    assert sweep.leftovers() == []


@takes_minutes
@pytest.mark.parametrize("where", [pytest.param([], id="one process"), *EVERYWHERE])
def test_a_trial_that_raises_ends_the_run_and_what_is_done_stays(sweep, where):
    sweep.run(seeds=[0], nap=0)
    before = sweep.rows()
    sweep.environment["BROKEN"] = "yes"
    _, err = sweep.run(*where, seeds=range(3), nap=0, code=1)
    assert "a broken model" in err
    assert where == [] or err.splitlines()[-1] == "finished trials are stored; run the same command again to resume"
    assert sweep.rows() == before
    del sweep.environment["BROKEN"]
    sweep.run(*where, seeds=range(3), nap=0)
    assert len(sweep.rows()) == 3


@takes_minutes
@pytest.mark.parametrize("where", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_two_launches_at_once_divide_the_work(sweep, where):
    pair = [sweep.begin(*where, seeds=range(10)) for _ in range(2)]
    for process in pair:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        assert "[10/10]" in out, "both tell of all trials, and print the whole table"
    assert (len(sweep.rows()), sweep.starts()) == (10, 10)
    assert sweep.leftovers() == []


@takes_minutes
def test_models_are_saved_by_workers_too(quick, tmp_path):
    quick(tmp_path, "--workers", "2", "--save-model", "--models", "Grid", "GAPlane")
    assert len(list(tmp_path.glob("*/models/*.safetensors"))) == 2


@takes_minutes
def test_settings_that_change_under_way_are_noticed(sweep, tmp_path, root):
    """Workers plan again; what they then find must be what was asked for."""
    order = {"arguments": sweep.line()[3:], "folder": str(root), "device": "cpu", "superseded": [], "keys": ["other"]}
    line = [sys.executable, "-m", "harness.worker"]
    process = subprocess.Popen(line, cwd=root, env=sweep.environment, stdin=-1, stderr=-1, text=True)
    _, err = process.communicate(json.dumps(order) + "\n", timeout=60)
    assert process.returncode in (2, 130)  # its input ends here, too
    assert "error: the settings have changed since the start: no trial other; start it again" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--executor", "ray"], "--executor ray needs --device cpu or --device cuda, got nothing"),
        (["--executor", "slurm", "--device", "all"], "--executor slurm needs --device cpu or --device cuda, got 'all'"),
        (["--workers", "0"], "argument --workers: must be at least 1, got 0"),
        (["--device", "cpu", "--slurm", "mem_gb=4"], "--slurm is for --executor slurm"),
        pytest.param(
            ["--executor", "slurm", "--device", "cpu", "--slurm", "mem"],
            "--slurm takes KEY=VALUE like slurm_partition=gpu, got 'mem'",
            marks=needs["slurm"],
        ),
        pytest.param(
            ["--executor", "slurm", "--device", "cpu", "--slurm", "memory=4"],
            "--slurm memory=4: ",
            marks=needs["slurm"],
        ),
    ],
)
def test_a_mistake_is_one_line(capsys, tmp_path, words, says):
    common = ["--signal", "StarTarget", "--preset", "smoke", "--models", "Grid", "--out", str(tmp_path / "out")]
    assert cli.main([*common, *words]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("no Slurm here")]
    assert len(err) == 1
    assert err[0].startswith(f"error: {says}")


# The order, the packs, and what workers cost


@pytest.fixture
def timed(monkeypatch):
    """Every trial takes as many seconds as it has thousands of parameters; GSplat was never timed."""
    monkeypatch.setattr(cost, "trial_seconds", lambda t, device: None if t.model == "GSplat" else t.size / 1000)


@pytest.mark.usefixtures("timed")
def test_the_longest_come_first_within_a_signal(make_trial):
    sizes = [(1, 3000), (2, 9000), (1, 5000), (2, 1000), (1, 4000)]
    trials = [make_trial("Grid", seed=seed, size=size) for seed, size in sizes]
    trials.append(make_trial("GSplat", seed=1, size=100))
    found = [(trial.seed, trial.size) for trial in cost.in_order(trials, "cpu")]
    assert found == [(1, 100), (1, 5000), (1, 4000), (1, 3000), (2, 9000), (2, 1000)]


@pytest.mark.usefixtures("timed")
def test_packs_have_about_the_same_load(make_trial):
    trials = [make_trial("Grid", seed=seed, size=1000 * size) for seed in range(5) for size in (10, 7, 5, 3, 1)]
    packs = cost.pack(trials, "cpu", 20.0, 1)
    loads = [sum(trial.size for trial in pack) / 1000 for pack in packs]
    assert len(packs) == 7  # 130 s in jobs of 20
    assert sum(loads) == 130
    assert max(loads) - min(loads) <= 4
    assert sorted(trial.key for pack in packs for trial in pack) == sorted(trial.key for trial in trials)
    assert len(cost.pack(trials, "cpu", 1e9, 4)) == 4, "at least as many as there are workers"
    assert len(cost.pack(trials[:2], "cpu", 1.0, 9)) == 2, "none is empty"


@pytest.mark.parametrize(
    ("seconds", "workers", "end"),
    [([3, 3, 3], 1, 9), ([4, 3, 2, 1], 2, 5), ([1, 2, 3, 4], 2, 6), ([5], 3, 5), ([], 2, 0)],
)
def test_the_end_is_when_the_last_worker_ends(seconds, workers, end):
    assert cost.makespan(seconds, workers) == end


class Idle:
    """An executor whose workers end at once."""

    def __init__(self, do=lambda trials: None):
        self.do, self.stopped = do, False

    def submit(self, trials):
        self.do(trials)

    def running(self):
        return False

    def stop(self):
        self.stopped = True


def test_workers_that_get_nowhere_are_given_up(make_trial, tmp_path):
    idle = Idle()
    with pytest.raises(Failure, match="workers end without having run Grid 2,500"):
        execute.spread([make_trial("Grid")], tmp_path, CPU, idle)
    assert idle.stopped


def test_ten_thousand_rows_are_told_of_in_seconds(make_trial, make_row, tmp_path, capsys):
    trials = [make_trial("Grid", seed=seed) for seed in range(10_000)]

    def write(trials):
        rows = tmp_path / trials[0].folder / "rows"
        text = json.dumps(make_row(), indent=1)
        for trial in trials:
            (rows / f"{trial.key}.json").write_text(text)

    start = time.process_time()
    execute.spread(trials, tmp_path, CPU, Idle(write))
    assert time.process_time() - start < 10
    assert capsys.readouterr().out.count("\n") == 10_000
