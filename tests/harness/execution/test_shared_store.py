"""A store that others use meanwhile: they set aside, delete, supersede; nobody may stumble over it."""

import contextlib
import dataclasses
import itertools
import json
import os
import pickle
import platform
import re
import time
import warnings
from types import SimpleNamespace

import pytest
import torch

from common.errors import Failure, Notice, UsageError
from common.exits import EXIT_INTERRUPTED, guarded
from harness.execution import run_trials, trial_rows, worker
from harness.execution.executor import ALONE, Order
from harness.execution.executors import local
from harness.store import liveness
from harness.store import store as store_module
from harness.store.claims import Claims
from harness.store.store import Store


def test_a_row_that_somebody_else_set_aside_first_is_missing(tmp_path, monkeypatch):
    """Two workers find the same truncated row."""
    store = Store(tmp_path, "2d_StarTarget")
    store.prepare()
    store.row_path("one").write_text('{"signal": "Star')
    replace = os.replace

    def late(source, target):
        replace(source, target)
        replace(source, target)

    monkeypatch.setattr(store_module.os, "replace", late)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert store.read("one") is None
    assert [path.name for path in store.row_path("one").parent.iterdir()] == ["one.corrupt"]


def test_only_what_this_suite_was_writing_is_cleared_away(tmp_path):
    store = Store(tmp_path, "2d_StarTarget")
    store.prepare()
    rows = store.row_path("one").parent
    ours, theirs = rows / ".one.json.k3x_9abq", [rows / ".gitkeep", rows / ".DS_Store", rows / ".nfs00000000a1b2c3d4"]
    for path in [ours, *theirs]:
        path.touch()
        os.utime(path, (time.time() - 2 * store_module.LEFT_OVER,) * 2)
    another = rows / ".two.json.k3x_9abq"  # which another run is writing right now
    another.touch()
    store.prepare()
    assert sorted(rows.iterdir()) == sorted([another, *theirs])


def test_what_was_being_written_beside_rows_is_cleared_away_as_well(tmp_path):
    """A model may have megabytes."""
    store = Store(tmp_path, "2d_StarTarget")
    folders = [store.folder / name for name in ("models", "signals", "figures/smoke", "arrays")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / ".x.k3x_9abq").touch()
        os.utime(folder / ".x.k3x_9abq", (0, 0))
        (folder / ".of.somebody").mkdir()  # a folder, of eight letters as well
        os.utime(folder / ".of.somebody", (0, 0))
    store.prepare()
    assert [[path.name for path in folder.iterdir()] for folder in folders] == [[".of.somebody"]] * len(folders)


def test_a_folder_that_was_deleted_ends_the_run_in_one_line(make_trial, tmp_path, monkeypatch):
    """And does not keep it asking for claims in a folder that is not there."""
    monkeypatch.setattr(run_trials, "prepare", lambda trials, out: None)
    trial = make_trial("Grid")
    with pytest.raises(UsageError, match=r"cannot write results to .*No such file or directory"):
        run_trials.execute([trial], run_trials.RunOptions(tmp_path / "gone", torch.device("cpu")))


def test_an_order_speaks_of_its_own_trials_alone(make_trial):
    """With --force, ten thousand orders of ten thousand rows each would fill Ray's and Slurm's disks."""
    trials = [make_trial("Grid", seed=seed) for seed in range(100)]
    order = Order((), "/", "cpu", {trial.key: "2026-01-01T00:00:00" for trial in trials})
    one = order.for_trials(trials[7:8])
    assert one.superseded == {trials[7].key: "2026-01-01T00:00:00"}
    assert len(pickle.dumps(one)) < 1000


@pytest.mark.parametrize(("device", "seen"), [("cpu", None), ("cuda:0", None), ("all", "1")])
def test_workers_share_the_cores_that_this_process_may_use(tmp_path, monkeypatch, device, seen):
    """A job of Slurm or a container has fewer than the machine; workers on GPUs work on the host as well."""
    monkeypatch.setattr(local, "visible_gpus", lambda: ["0", "1"])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    given = {}

    class Process:
        pid = 1

        def __init__(self, line, env, stdin):
            given.update(env)

    monkeypatch.setattr(local.subprocess, "Popen", Process)
    workers = local.Workers(Order((), "/", device), 2, tmp_path)
    workers._start(1)
    workers.stop()
    assert int(given["OMP_NUM_THREADS"]) == 3
    assert device != "all" or given["CUDA_VISIBLE_DEVICES"] == seen


def test_what_is_done_is_looked_for_afresh_under_a_claim(make_trial, tmp_path, monkeypatch):
    """An NFS client may remember that a row was not there; reading the folder makes it ask the server."""
    trial = make_trial("Grid")
    run_trials.prepare([trial], tmp_path)
    asked = []
    monkeypatch.setattr(run_trials, "refresh", lambda folder: asked.append(liveness.read_claims(tmp_path)))
    monkeypatch.setattr(run_trials, "is_done", lambda *_: bool(asked))
    monkeypatch.setattr(run_trials, "run_trial", lambda *_: pytest.fail("it was run again"))

    class Silent:
        def tell(self, *_):
            pass

    assert run_trials.run_free(
        [trial], Claims(tmp_path), Silent(), run_trials.RunOptions(tmp_path, torch.device("cpu"))
    ) == [trial]
    ((said,),) = asked
    assert said["pid"] == os.getpid(), "asked while it held the claim"


def test_nobody_waits_for_what_others_run_beyond_the_deadline(make_trial, tmp_path, monkeypatch, capsys):
    trial, naps = make_trial("Grid"), iter(range(100))
    run_trials.prepare([trial], tmp_path)
    clock = SimpleNamespace(monotonic=itertools.count().__next__, sleep=lambda seconds: next(naps))
    monkeypatch.setattr(run_trials, "time", clock)
    with Claims(tmp_path).take(trial):
        run_trials.execute([trial], run_trials.RunOptions(tmp_path, torch.device("cpu"), deadline=30))
    assert 0 < next(naps) < 30
    assert capsys.readouterr().err == f"waiting for {trial}, which process {os.getpid()} on {platform.node()} runs\n"


def test_what_runs_elsewhere_at_the_deadline_runs_to_its_end_and_what_waits_is_stopped(
    make_trial, tmp_path, monkeypatch
):
    trials, clock = [make_trial("Grid", seed=seed) for seed in (1, 2)], itertools.count()
    monkeypatch.setattr(run_trials, "time", SimpleNamespace(monotonic=clock.__next__, sleep=lambda seconds: None))

    class Slow:
        submitted, looked, stopped = 0, 0, False

        def submit(self, trials):
            self.submitted += 1
            self.claims = contextlib.ExitStack()
            self.claims.enter_context(Claims(tmp_path).take(trials[0]))

        def running(self):
            self.looked += 1
            if self.looked == 50:  # long after the deadline
                self.claims.close()
            return True  # the other trial waits for ever

        def concurrency(self):
            return ALONE

        def stop(self):
            self.stopped = True

    executor = Slow()
    run_trials.spread(trials, executor, run_trials.RunOptions(tmp_path, torch.device("cpu"), deadline=20))
    assert (executor.submitted, executor.looked, executor.stopped) == (1, 50, True)


def test_a_worker_begins_nothing_after_the_deadline_of_its_order(make_trial, tmp_path, monkeypatch):
    trial = make_trial("Grid")
    run_trials.prepare([trial], tmp_path)
    options = SimpleNamespace(out=tmp_path, save_model=False)
    monkeypatch.setattr(worker, "plan", lambda arguments: (options, {trial.key: trial}))
    begun = []
    monkeypatch.setattr(run_trials, "run_trial", lambda trial, *_: begun.append(trial) or [])
    monkeypatch.setattr(run_trials, "write", lambda *_: None)
    order = Order(("run",), os.getcwd(), "cpu", keys=(trial.key,))
    worker.run(dataclasses.replace(order, until=time.time() - 1))
    assert begun == []
    worker.run(dataclasses.replace(order, until=time.time() + 1000))
    assert begun == [trial]


def test_who_waits_for_a_claim_that_says_nothing_sleeps(make_trial, tmp_path, monkeypatch, capsys, calls):
    trial = make_trial("Grid")
    run_trials.prepare([trial], tmp_path)
    path = Claims(tmp_path).path(trial)
    path.mkdir(parents=True)
    rounds, ticks = calls(run_trials, "run_free"), itertools.count()
    clock = SimpleNamespace(monotonic=ticks.__next__, sleep=lambda seconds: None)
    monkeypatch.setattr(run_trials, "time", clock)
    run_trials.execute([trial], run_trials.RunOptions(tmp_path, torch.device("cpu"), deadline=50))
    assert len(rounds) == 1
    assert capsys.readouterr().err == f"waiting for {trial}, which another process runs\n"


def test_a_worker_that_is_stopped_while_it_plans_ends_without_a_word(monkeypatch, capsys):
    """Whoever stops it says that the run was interrupted, once."""

    def plan(arguments):
        raise KeyboardInterrupt("terminated")

    monkeypatch.setattr(worker, "plan", plan)
    monkeypatch.setattr(worker.process, "prepare", lambda: None)
    assert guarded(lambda: worker.work(Order((), os.getcwd(), "cpu"))) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == ""


class Mortal:
    """A worker process that was killed, or one that lives on."""

    def __init__(self, pid, code):
        self.pid, self.code = pid, code

    def poll(self):
        return self.code


@pytest.fixture
def workers(make_trial, tmp_path, monkeypatch):
    """Two of three trials, all of which die on `trial_of[pid]`; started anew, they get the next number."""
    trials = [make_trial("Grid", seed=seed) for seed in range(3)]
    made = local.Workers(Order((), "/", "cpu"), 2, tmp_path)
    orders = []

    def start(number):
        orders.append([int(key.split("seed")[1].split("_")[0]) for key in made.order.keys])
        return Mortal(1000 + len(orders), None)

    monkeypatch.setattr(made, "_start", start)
    made.submit(trials)

    def die(number, trial):
        process = made.processes[number]
        process.code = -9
        if trial is not None:
            path = Claims(tmp_path).path(trials[trial])
            path.parent.mkdir(parents=True, exist_ok=True)
            said = {"trial": str(trials[trial]), "pid": process.pid, "numbering": liveness.numbering()}
            path.write_text(json.dumps(said))
        return made.running()

    return made, orders, die


def test_a_trial_that_kills_its_worker_lets_all_others_go_first(workers, capsys):
    _, orders, die = workers
    assert die(0, 0)
    assert orders == [[0, 1, 2], [0, 1, 2], [1, 2, 0]]
    said = "worker 1 (process 1001) was killed by signal 9; another one goes on, and runs its trial again after all"
    assert capsys.readouterr().err.startswith(said)
    assert die(1, 1)
    assert orders[-1] == [2, 0, 1]


def test_deaths_are_counted_by_the_trial_and_not_by_the_night(workers):
    """A long sweep outlives one now and then."""
    _, _, die = workers
    for _ in range(local.MOST_DEATHS):
        for trial in range(3):
            assert die(0, trial)
    with pytest.raises(Failure, match=r"as 3 were before on a trial, Grid_2500_.*; is there enough memory"):
        die(0, 1)


def test_workers_that_die_before_they_begin_are_given_up(workers):
    _, _, die = workers
    for _ in range(local.MOST_DEATHS):
        assert die(0, None)
    with pytest.raises(Failure, match="as 3 were before without a trial; is there enough memory"):
        die(0, None)


def test_what_is_left_of_a_claim_is_taken_away_when_its_trial_is_found_done(make_trial, tmp_path):
    """Its process was killed between writing the row and letting go; `status` would call it unfinished for ever."""
    trial = make_trial("Grid")
    run_trials.execute([trial], run_trials.RunOptions(tmp_path, torch.device("cpu")))
    path = Claims(tmp_path).path(trial)
    path.parent.mkdir()
    path.write_text(json.dumps({"trial": str(trial), "pid": 1 << 30, "numbering": liveness.numbering()}))
    assert trial_rows.read_done([trial], tmp_path, dry_run=True)[:2] == ([trial], [])
    assert path.exists(), "a dry run changes nothing"
    assert trial_rows.read_done([trial], tmp_path)[:2] == ([trial], [])
    assert not path.parent.exists()


def test_a_row_under_another_ones_name_is_set_aside_and_its_trial_is_left(make_trial, tmp_path):
    """As somebody leaves it who copies and renames files; it would stand for a model that was never run."""
    grid, siren = make_trial("Grid"), make_trial("Siren")
    run_trials.execute([grid, siren], run_trials.RunOptions(tmp_path, torch.device("cpu")))
    store = Store(tmp_path, grid.folder)
    store.row_path(siren.key).write_bytes(store.row_path(grid.key).read_bytes())
    with pytest.warns(Notice, match=rf"is not a row \(it is that of {re.escape(grid.key)}\); to be set aside as"):
        assert trial_rows.read_done([grid, siren], tmp_path, dry_run=True)[:2] == ([grid], [siren])
    assert len(store.row_keys()) == 2, "a dry run changes nothing"
    with pytest.warns(Notice, match=rf"is not a row \(it is that of {re.escape(grid.key)}\); set aside as"):
        done, left, rows = trial_rows.read_done([grid, siren], tmp_path)
    assert (done, left, list(rows)) == ([grid], [siren], [(grid.folder, grid.key)])
    assert sorted(path.suffix for path in store.rows.iterdir()) == [".corrupt", ".json"]
