"""How many workers a command line has, and the time left that follows from it, wherever its trials run."""

import sys
from types import SimpleNamespace

import pytest
import torch

from common.errors import UsageError
from harness.execution import choose_executor, executor, run_trials, time_left
from harness.execution.executor import Concurrency
from harness.execution.executors import local, slurm
from harness.execution.executors.local import visible_gpus
from harness.execution.progress import Progress
from harness.execution.slurm_queue import Queue, State
from harness.store.store import Store

SECONDS = 10.0  # of a trial, as the estimate has it


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Two GPUs and four cores."""
    monkeypatch.setattr(time_left, "trial_seconds", lambda trial, device: SECONDS)
    monkeypatch.setattr(time_left, "starts", lambda trials, device: {})
    monkeypatch.setattr(choose_executor, "trial_seconds", lambda trial, device: SECONDS)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(choose_executor.machine, "memory", lambda device: None)
    for module in (local, slurm):
        monkeypatch.setattr(module, "cores", lambda: 4)
    for module in (local, choose_executor):
        monkeypatch.setattr(module, "visible_gpus", lambda: ["0", "1"])


@pytest.fixture
def trials(make_trial):
    return [make_trial("Grid", seed=seed) for seed in range(8)]


@pytest.fixture
def processes(monkeypatch):
    """Worker processes that live until their exit code is set."""
    started = []

    def start(workers, number):
        started.append(SimpleNamespace(code=None, poll=lambda: started[number].code))
        return started[-1]

    monkeypatch.setattr(local.Workers, "_start", start)
    return started


def begin(tmp_path, trials, device, workers=None, where="local"):
    """What runs the trials, begun, for a command line with these options."""
    options = SimpleNamespace(device=device, workers=workers, executor=where, slurm=[], out=str(tmp_path))
    own = torch.device("cuda" if device == "all" else device)
    how, workers = run_trials.RunOptions("out", own), choose_executor.count_workers(options, own, trials)
    made = choose_executor.make_executor(how, options, workers, ())
    assert made is not None
    made.submit(trials)
    made.running()
    return made


@pytest.mark.parametrize(("given", "found"), [(None, ["0", "1"]), ("3,5", ["3", "5"]), ("3,5,9", ["3", "5"])])
def test_every_worker_gets_a_gpu_that_is_here(monkeypatch, given, found):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == found


@pytest.mark.parametrize(
    ("device", "where", "workers", "words"),
    [
        ("cpu", "local", 1, "CPU"),
        ("cpu", "local", 3, "CPU, 3 workers"),
        ("all", "local", 1, "GPU"),
        ("all", "local", 2, "GPU and 1 more GPU here, 2 workers"),
        ("all", "local", 5, "GPU and 1 more GPU here, 5 workers"),
        ("cuda", "slurm", None, "cuda devices, through Slurm"),
    ],
)
def test_where_trials_run_is_told_by_the_devices_that_are_used(monkeypatch, device, where, workers, words):
    own = torch.device("cuda" if device == "all" else device)
    monkeypatch.setattr(
        choose_executor.machine, "device_name", lambda device: {"cpu": "CPU", "cuda": "GPU"}[device.type]
    )
    assert choose_executor.place(SimpleNamespace(device=device, executor=where), own, workers) == words


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("device", "asked", "found", "left"),
    [
        ("all", None, Concurrency(2, 1), 40),
        ("all", 4, Concurrency(4, 2), 40),
        ("all", 3, Concurrency(3, 2), 160 / 3),
        ("cuda", 4, Concurrency(4, 4), 80),
        ("cuda:1", 2, Concurrency(2, 2), 80),
        ("cpu", None, Concurrency(4, 1), 20),
        ("cpu", 2, Concurrency(2, 1), 40),
        ("cpu", 8, Concurrency(8, 2), 20),
        ("cpu", 100, Concurrency(8, 2), 20),  # no more than there are trials
    ],
)
def test_workers_of_a_machine_share_its_devices(tmp_path, trials, make_row, device, asked, found, left):
    """Until one has ended, and told what it took."""
    made = begin(tmp_path, trials, device, asked)
    assert made.concurrency() == found
    with Progress(trials, device, made.concurrency) as shown:
        assert shown._left() == pytest.approx(left)
        shown.tell(trials[0], [make_row()], 13.0)
        assert shown._left() == pytest.approx(7 * 13 / found.workers)


def test_workers_that_have_ended_share_nothing(tmp_path, trials, processes):
    made = begin(tmp_path, trials, "cuda", 4)
    for ended in (1, 2, 3):
        processes[ended].code = 0
        assert made.concurrency() == Concurrency(4 - ended, 4 - ended)
    processes[0].code = 0
    assert made.concurrency() == Concurrency(1, 1)


@pytest.mark.parametrize(
    ("device", "where", "seconds", "found"),
    [
        ("cpu", "local", 60, 1),
        ("cpu", "local", 61, 4),
        ("cuda", "local", 1000, 1),
        ("all", "local", 1, 2),
        ("cpu", "ray", 1000, None),
        ("cuda", "slurm", 1000, None),
    ],
)
@pytest.mark.parametrize("asked", [None, 3])
def test_one_function_counts_workers(trials, monkeypatch, device, where, seconds, found, asked):
    monkeypatch.setattr(choose_executor, "trial_seconds", lambda trial, device: seconds / len(trials))
    options = SimpleNamespace(executor=where, device=device, workers=asked)
    own = torch.device("cuda" if device == "all" else device)
    assert choose_executor.count_workers(options, own, trials) == (asked or found)


@pytest.mark.parametrize("device", ["cpu", "cuda", "all"])
def test_more_workers_than_the_memory_has_room_for(trials, monkeypatch, device):
    """As each process has a PyTorch of its own; machines of a cluster are not asked."""
    monkeypatch.setattr(choose_executor.machine, "memory", lambda device: 10 * 10**9)
    own = torch.device("cpu")
    options = SimpleNamespace(executor="local", device=device, workers=37)
    assert choose_executor.count_workers(options, own, trials) == 37
    options.workers = 100_000
    says = "--workers: 100,000 processes have no room in 10 GB of memory; give at most 37: one for each core, or a few"
    with pytest.raises(UsageError, match=says):
        choose_executor.count_workers(options, own, trials)
    options.executor = "ray"
    assert choose_executor.count_workers(options, own, trials) == 100_000


def test_one_worker_on_this_machine_is_this_process(tmp_path):
    options = SimpleNamespace(device="all", executor="local", slurm=[], out=str(tmp_path))
    assert choose_executor.make_executor(run_trials.RunOptions("out", torch.device("cuda")), options, 1, ()) is None


@pytest.mark.parametrize(
    ("device", "asked", "resources", "left"),
    [
        ("cuda", None, {"CPU": 64.0, "GPU": 4.0}, 20),
        ("cuda", None, {"CPU": 2.0, "GPU": 4.0}, 40),  # a task needs a core as well
        ("cpu", None, {"CPU": 5.0}, 16),
        ("cpu", None, {"CPU": 64.0}, 10),  # a trial each
        ("cpu", 2, {"CPU": 64.0}, 40),
        ("cuda", None, {"CPU": 64.0}, 80),  # no GPU yet
    ],
)
def test_tasks_of_ray_run_as_many_as_there_is_room_for(tmp_path, trials, monkeypatch, device, asked, resources, left):
    ray = SimpleNamespace(
        init=lambda **_: None,
        remote=lambda **_: lambda work: SimpleNamespace(remote=lambda order: object()),
        wait=lambda tasks, **_: ([], tasks),
        cluster_resources=lambda: resources,
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    made = begin(tmp_path, trials, device, asked, "ray")
    assert Progress(trials, device, made.concurrency)._left() == left


@pytest.fixture
def submit(tmp_path, monkeypatch):
    """`submit(trials, workers, cluster, device)`: jobs of Slurm, one for each trial, which are not asked for."""
    errors = SimpleNamespace(FailedJobError=RuntimeError, FailedSubmissionError=RuntimeError)

    def make(trials, workers, cluster="slurm", device="cpu"):
        def jobs(run, orders):
            folder = SimpleNamespace(folder=tmp_path, result_pickle=tmp_path / "none")
            return [SimpleNamespace(job_id=f"7_{i}", paths=folder, done=lambda: False) for i in range(len(orders))]

        auto = SimpleNamespace(cluster=cluster, update_parameters=lambda **_: None, map_array=jobs)
        core = SimpleNamespace(utils=errors)
        monkeypatch.setitem(sys.modules, "submitit", SimpleNamespace(AutoExecutor=lambda folder: auto, core=core))
        monkeypatch.setattr(slurm, "pack", lambda trials, *_: [[trial] for trial in trials])
        return begin(tmp_path, trials, device, workers, "slurm")

    return make


@pytest.mark.parametrize(
    ("asked", "states", "left"),
    [
        (None, None, 10),  # Slurm has not answered yet
        (2, None, 40),
        (2, ["PENDING"] * 8, 40),
        (None, ["RUNNING"] * 4 + ["PENDING"] * 4, 20),
        (None, ["RUNNING"] + ["PENDING"] * 7, 80),  # whatever else is asked for
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_jobs_of_slurm_count_when_they_run(submit, trials, monkeypatch, asked, states, left, device):
    found = states and {f"7_{i}": State(name, 0, None) for i, name in enumerate(states)}
    monkeypatch.setattr(Queue, "_ask", lambda queue: found)
    assert Progress(trials, device, submit(trials, asked, device=device).concurrency)._left() == left


@pytest.mark.parametrize(("device", "left"), [("cpu", 20), ("cuda", 80)])
def test_jobs_that_are_processes_here_share_its_devices(submit, trials, monkeypatch, device, left):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Progress(trials, device, submit(trials, None, "local", device).concurrency)._left() == left


def test_the_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(executor.os, "sched_getaffinity", lambda pid: {0, 5, 7}, raising=False)
    assert executor.cores() == 3
    monkeypatch.delattr(executor.os, "sched_getaffinity")
    monkeypatch.setattr(executor.os, "cpu_count", lambda: 6)
    assert executor.cores() == 6


def test_what_is_spread_says_the_time_left_of_its_workers(tmp_path, trials, make_row, capsys, monkeypatch):
    class Four:
        """Two devices with two workers each; a trial ends whenever one looks."""

        def submit(self, some):
            self.ahead = list(some)

        def running(self):
            trial = self.ahead.pop(0)
            Store(tmp_path, trial.folder).write(trial.key, make_row(), None)
            return bool(self.ahead)

        def concurrency(self):
            return Concurrency(4, 2)

        def stop(self):
            pass

    monkeypatch.setattr(run_trials, "POLL", 0)
    monkeypatch.setattr(run_trials, "tell", lambda trial, out, told: told.tell(trial, [make_row()], 15.0))
    run_trials.spread(trials, Four(), run_trials.RunOptions(tmp_path, torch.device("cuda")))
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.endswith("; about 26 seconds left")  # 7 of 15 s, by four
    assert "left" not in last
