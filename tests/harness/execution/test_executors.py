"""Where trials run changes nothing but the time: workers here, Ray, Slurm, and two launches at once."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from common.errors import Failure
from common.exits import RESUME
from harness.commands import run as run_command
from harness.execution import ordering, run_trials, trial_rows
from harness.execution.executor import ALONE, Order
from harness.execution.executors import slurm
from harness.execution.progress import Progress
from harness.execution.trial_rows import Arrivals
from harness.store.claims import Claims
from harness.store.store import Store
from harness.store.table import load
from harness.train.score import Result
from tests.harness.sweep import needs, takes_minutes

CPU = torch.device("cpu")


def residuals(out):
    return load(out).set_index(["model", "size", "seed"])["residual_sha256"].to_dict()


# a part of the quick preset
QUICK = ["--signal", "StarTarget", "--preset", "quick", "--device", "cpu", "--sizes", "3e3", "--steps", "20"]
QUICK += ["--models", "Grid", "Instant_NGP", "Grid_exact", "GAPlane"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The checksums of its residuals from this process."""
    out = tmp_path_factory.mktemp("alone")
    assert run_command.main([*QUICK, "--out", str(out)]) == 0
    return residuals(out)


def test_the_quick_preset_gives_the_same_bits_everywhere(alone, command, undrawn, tmp_path, where):
    result = command(*undrawn, *QUICK, "--out", tmp_path, *where)
    assert result.returncode == 0, result.stderr
    assert len(alone) == 4
    assert residuals(tmp_path) == alone
    assert [line.split("]")[0] for line in result.stdout.splitlines() if line.startswith("[")] == [
        f"[{n}/4" for n in (1, 2, 3, 4)
    ]
    assert "Traceback" not in result.stderr


@takes_minutes
def test_workers_run_each_trial_once_and_force_runs_each_once_again(sweep):
    """A model's file of one's own is found by every worker, and what is fitted is saved by each."""
    sweep.run("--workers", 2, "--save-model", seeds=range(4))
    before = sweep.rows()
    assert (len(before), sweep.starts()) == (4, 4)
    assert len(list(sweep.out.glob("*/models/*.safetensors"))) == 4
    sweep.run("--workers", 2, "--force", seeds=range(4))
    assert sweep.starts() == 8
    assert not {content for content, _ in sweep.rows().values()} & {content for content, _ in before.values()}
    assert sweep.leftovers() == []


@takes_minutes
def test_a_folder_with_modules_of_the_suites_names_does_no_harm(sweep, command, root, where):
    """Such as a researcher's own project, in which a run is begun."""
    if "slurm" in where and sys.version_info < (3, 11):
        pytest.skip("Python 3.10 does not know PYTHONSAFEPATH")
    for name in ("common", "models"):
        (sweep.folder / f"{name}.py").write_text("")
    words = sweep.words(*where, "--no-figures", seeds=range(2))
    result = command(sys.executable, root / "run.py", *words, cwd=sweep.folder)
    assert result.returncode == 0, result.stderr
    assert len(sweep.rows()) == 2


@takes_minutes
def test_a_trial_that_raises_ends_the_run_and_what_is_done_stays(sweep, where):
    _, err = sweep.end(sweep.begin(*where, seeds=range(2), broken=True), code=2)
    says = next(line for line in err.splitlines() if line.startswith("error: "))
    assert f"'{sweep.folder / 'counted.py'}', line " in says
    assert says.endswith(", in solve: RuntimeError: a broken model")
    assert (sweep.rows(), sweep.leftovers()) == ({}, [])


REFUSE = """

from common.errors import UsageError

try:
    HERE.with_name("planned").touch(exist_ok=False)
except FileExistsError:
    raise UsageError("this may be read once") from None
"""


@takes_minutes
def test_a_mistake_that_a_worker_finds_is_a_line(sweep, where):
    """As when settings have changed since: the launch has planned, its workers cannot."""
    with (sweep.folder / "counted.py").open("a") as file:
        file.write(REFUSE)
    _, err = sweep.end(sweep.begin(*where, seeds=range(2)), code=2)
    assert "this may be read once" in next(line for line in err.splitlines() if line.startswith("error: "))
    assert "Traceback" not in err
    assert (sweep.rows(), sweep.leftovers()) == ({}, [])


@takes_minutes
def test_a_worker_that_is_told_to_stop_is_no_error(sweep, where):
    """SIGTERM comes before a node is taken away: what is left runs elsewhere."""
    process = sweep.begin(*where, seeds=range(4), hold=2)
    one, _ = sweep.wait_until_held(starts=4)  # all of them, as without Slurm each has a process of its own
    before = sweep.rows()
    os.kill(json.loads(one.read_text())["pid"], signal.SIGTERM)
    sweep.release()
    _, err = sweep.end(process)
    assert "Traceback" not in err
    assert len(sweep.rows()) == 4
    assert {name: sweep.rows()[name] for name in before} == before
    assert sweep.starts() == 5, "the one that was abandoned, and no other, ran again"
    assert sweep.leftovers() == []


@takes_minutes
def test_a_launch_that_is_told_to_stop_stops_its_workers_and_says_how_to_go_on(sweep, where):
    process = sweep.begin(*where, hold=1)
    sweep.wait_until_held(starts=3)
    process.terminate()
    _, err = sweep.end(process, code=130)
    assert f"terminated: {RESUME}" in err.splitlines()
    assert "Traceback" not in err
    sweep.wait_until_free()
    before = sweep.rows()
    assert len(before) == 1
    sweep.end(sweep.begin(*where))
    assert {name: sweep.rows()[name] for name in before} == before
    assert len(sweep.rows()) == 8


@takes_minutes
def test_two_launches_at_once_divide_the_work(sweep):
    pair = [sweep.begin(seeds=range(12), hold=0), sweep.begin("--workers", 2, seeds=range(12), hold=0)]
    assert len(sweep.wait_until_held(starts=3)) == 3, "one of the first launch and both workers of the second"
    sweep.release()
    for process in pair:
        out, _ = sweep.end(process)
        assert "[12/12]" in out, "both tell of all trials, and print the whole table"
    assert (len(sweep.rows()), sweep.starts()) == (12, 12)
    assert sweep.leftovers() == []


@takes_minutes
def test_settings_that_change_under_way_are_noticed(sweep, tmp_path, root):
    """Workers plan again; what they then find must be what was asked for."""
    order = {"arguments": sweep.words(), "folder": str(root), "device": "cpu", "superseded": {}, "keys": ["other"]}
    line = [sys.executable, "harness/execution/worker.py"]
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(line, cwd=root, env=sweep.environment, stdin=theirs) as process:
        ours.sendall(json.dumps(order).encode() + b"\n")
        assert process.wait() == 2
        said, _ = json.loads(ours.recv(1000))
    assert said == "settings or files of yours have changed since the start: no trial other; start it again"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--executor", "ray"], "--executor ray needs --device cpu or --device cuda, got nothing"),
        (["--executor", "slurm", "--device", "all"], "--executor slurm needs --device cpu or --device cuda, got 'all'"),
        (["--workers", "0"], "argument --workers: must be at least 1, got 0"),
        (["--device", "cpu", "--slurm", "mem_gb=4", "--dry-run"], "--slurm is for --executor slurm"),
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
    assert run_command.main([*common, *words]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("no Slurm here")]
    assert len(err) == 1
    assert err[0].startswith(f"error: {says}")


# The order, the packs, and what workers cost


@pytest.fixture
def timed(monkeypatch):
    """Every trial takes as many seconds as it has thousands of parameters; GSplat was never timed."""
    monkeypatch.setattr(ordering, "trial_seconds", lambda t, device: None if t.model == "GSplat" else t.budget / 1000)


@pytest.mark.usefixtures("timed")
def test_the_longest_come_first_within_a_signal(make_trial):
    sizes = [(1, 3000), (2, 9000), (1, 5000), (2, 1000), (1, 4000)]
    trials = [make_trial("Grid", seed=seed, budget=size) for seed, size in sizes]
    trials.append(make_trial("GSplat", seed=1, budget=100))
    found = [(trial.seed, trial.budget) for trial in ordering.in_order(trials, "cpu")]
    assert found == [(1, 100), (1, 5000), (1, 4000), (1, 3000), (2, 9000), (2, 1000)]


@pytest.mark.usefixtures("timed")
def test_packs_have_about_the_same_load(make_trial):
    trials = [make_trial("Grid", seed=seed, budget=1000 * size) for seed in range(5) for size in (10, 7, 5, 3, 1)]
    packs = ordering.pack(trials, "cpu", 20.0, 1, 1000)
    loads = [sum(trial.budget for trial in pack) / 1000 for pack in packs]
    assert len(packs) == 7  # 130 s in jobs of 20
    assert sum(loads) == 130
    assert max(loads) - min(loads) <= 4
    assert sorted(trial.key for pack in packs for trial in pack) == sorted(trial.key for trial in trials)
    assert len(ordering.pack(trials, "cpu", 1e9, 4, 1000)) == 4, "at least as many as there are workers"
    assert len(ordering.pack(trials, "cpu", 20.0, 1, 3)) == 3, "at most as many as an array may have"
    assert len(ordering.pack(trials[:2], "cpu", 1.0, 9, 1000)) == 2, "none is empty"


@needs["slurm"]
def test_trials_that_jobs_brought_no_row_of_get_a_job_each(make_trial, monkeypatch, tmp_path):
    """One that kills its job, or outlasts it, may be the first of its pack every time, before those never run."""
    monkeypatch.setenv("PATH", "/nowhere")  # where no Slurm is
    workers, given = slurm.Workers(Order((), "/", "cpu"), 2, tmp_path, []), []
    monkeypatch.setattr(
        workers.executor,
        "map_array",
        lambda call, orders: given.append([len(order.keys) for order in orders]) or [SimpleNamespace(job_id=1)],
    )
    trials = [make_trial("Grid", seed=seed) for seed in range(6)]
    for left in (6, 6, 2, 1, 1):
        workers.submit(trials[:left])
    assert given == [[3, 3], [1] * 6, [1, 1], [1], [1]]


@pytest.mark.parametrize(
    ("seconds", "workers", "end"),
    [([3, 3, 3], 1, 9), ([4, 3, 2, 1], 2, 5), ([1, 2, 3, 4], 2, 6), ([5], 3, 5), ([], 2, 0)],
)
def test_the_end_is_when_the_last_worker_ends(seconds, workers, end):
    assert ordering.makespan(seconds, workers) == end


class Idle:
    """An executor whose workers end at once."""

    def __init__(self, do=lambda trials: None):
        self.do, self.stopped = do, False

    def submit(self, trials):
        self.do(trials)

    def running(self):
        return False

    def concurrency(self):
        return ALONE

    def stop(self):
        self.stopped = True


def test_workers_are_given_the_trials_in_their_order(make_trial, make_row, tmp_path):
    """What is wanted most comes first, however long it takes, as a visit may end before the rest is begun."""
    trials, given = [make_trial("Grid", seed=seed, budget=size) for seed, size in ((1, 400), (2, 2500), (3, 900))], []

    def do(some):
        given.extend(some)
        for trial in some:
            Store(tmp_path, trial.folder).write(trial.key, make_row(), None)

    run_trials.spread(trials, Idle(do), run_trials.RunOptions(tmp_path, CPU))
    assert given == trials


def test_workers_that_get_nowhere_are_given_up(make_trial, tmp_path):
    idle = Idle()
    with pytest.raises(Failure, match="workers end without having run Grid 2,500"):
        run_trials.spread([make_trial("Grid")], idle, run_trials.RunOptions(tmp_path, CPU))
    assert idle.stopped


def test_what_another_finished_while_we_were_about_to_claim_it_is_not_run(make_trial, make_row, tmp_path, monkeypatch):
    """Between looking for its row and claiming it, its holder stores the row and gives the claim back."""
    trial, take = make_trial("Grid"), Claims.take

    def too_late(claims, trial):
        Store(tmp_path, trial.folder).write(trial.key, make_row(), None)
        return take(claims, trial)

    def run_trial(*_):
        pytest.fail("it is done")

    monkeypatch.setattr(Claims, "take", too_late)
    monkeypatch.setattr(run_trials, "run_trial", run_trial)
    run_trials.execute([trial], run_trials.RunOptions(tmp_path, CPU))


def test_rows_are_looked_for_but_not_read_until_they_are_there(make_trial, make_row, tmp_path, capsys, calls):
    """However often the store is looked at, and then twice: to see that they count, and to tell of them. A look takes
    one listing of a folder, however many trials there are: a file server answers each question by itself."""
    trials = [make_trial("Grid", seed=seed) for seed in range(20)]
    rows, how = tmp_path / trials[0].folder / "rows", run_trials.RunOptions(tmp_path, CPU)
    run_trials.prepare(trials, tmp_path)
    progress, opened, listed, asked = (
        Progress(trials, "cpu"),
        calls(os, "open"),
        calls(os, "scandir"),
        calls(Path, "exists"),
    )
    arrivals = Arrivals(trials, tmp_path)
    for done in (0, 0, 5, 20):
        for trial in trials[:done]:
            if trial.name in arrivals.left:
                (rows / f"{trial.key}.json").write_text(json.dumps(make_row()))
        assert run_trials.tell_finished(arrivals, progress, how) == trials[done:]
    assert [path for path, *_ in opened] == [rows / f"{trial.key}.json" for trial in trials for _ in range(2)]
    assert (len(listed), asked) == (4, [])
    assert capsys.readouterr().out.count("\n") == 20


def test_rows_that_do_not_count_are_read_once_until_others_take_their_place(make_trial, make_row, tmp_path, calls):
    """As with --force, when every row is there from the start."""
    trials = [make_trial("Grid", seed=seed) for seed in range(20)]
    store = Store(tmp_path, trials[0].folder)
    run_trials.prepare(trials, tmp_path)
    for trial in trials:
        store.write(trial.key, make_row(started="2026-01-01T00:00:00+00:00"), None)
    how = run_trials.RunOptions(tmp_path, CPU, superseded=trial_rows.to_supersede(trials, tmp_path))
    arrivals, progress, read = Arrivals(trials, tmp_path), Progress(trials, "cpu"), calls(Store, "read")
    for _ in range(3):
        assert run_trials.tell_finished(arrivals, progress, how) == trials
    assert len(read) == 20
    store.write(trials[7].key, make_row(started="2026-01-02T00:00:00+00:00"), None)
    assert run_trials.tell_finished(arrivals, progress, how) == trials[:7] + trials[8:]
    assert len(read) == 22


def test_a_row_that_is_looked_for_anew_is_found_whatever_number_its_file_has(
    make_trial, make_row, tmp_path, monkeypatch
):
    """File systems that others write may give a file the number of the one whose place it takes."""
    trial = make_trial("Grid")
    run_trials.prepare([trial], tmp_path)
    monkeypatch.setattr(Store, "row_files", lambda store: [(trial.key, 1)])
    arrivals, progress = Arrivals([trial], tmp_path), Progress([trial], "cpu")
    how = run_trials.RunOptions(tmp_path, CPU)
    assert run_trials.tell_finished(arrivals, progress, how) == [trial]
    Store(tmp_path, trial.folder).write(trial.key, make_row(), None)
    assert run_trials.tell_finished(arrivals, progress, how) == [trial]
    arrivals.forget()
    assert run_trials.tell_finished(arrivals, progress, how) == []


def test_workers_of_one_store_fit_each_trial_once_and_look_at_it_twice_at_most(
    make_trial, make_row, tmp_path, calls, monkeypatch
):
    """Four that begin with the same trial at once. Twice: to see that it is done, then to tell of it or to be sure."""
    trials = [make_trial("Grid", seed=seed) for seed in range(20)]
    run_trials.prepare(trials, tmp_path)
    fitted, start = [], threading.Barrier(4)
    monkeypatch.setattr(run_trials, "run_trial", lambda one, *_: fitted.append(one) or [Result(make_row(), None)])
    claimed, read = calls(Claims, "take"), calls(Store, "read")

    def work(_):
        start.wait()
        with Progress(trials, "cpu", silent=True) as progress:
            run_trials.run_free(trials, Claims(tmp_path), progress, run_trials.RunOptions(tmp_path, CPU))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted(trial.seed for trial in fitted) == list(range(20))
    assert all(Store(tmp_path, trial.folder).row_path(trial.key).exists() for trial in trials)
    assert max(Counter(trial.key for _, trial in claimed).values()) <= 4
    assert max(Counter(key for _, key in read).values()) <= 2 * 4


def test_nothing_of_a_trial_is_held_while_the_next_one_runs(make_trial, make_row, tmp_path, monkeypatch):
    """Its errors lie on the device, where the next one's peak of memory is measured."""
    held = []

    def run(*given):
        assert [error for of in held if (error := of()) is not None] == []
        result = Result(make_row(), torch.ones(3, 3, 1))
        held.append(weakref.ref(result.error))
        return [result]

    monkeypatch.setattr(run_trials, "run_trial", run)
    run_trials.execute([make_trial("Grid", seed=seed) for seed in (1, 2, 3)], run_trials.RunOptions(tmp_path, CPU))
    assert len(held) == 3
