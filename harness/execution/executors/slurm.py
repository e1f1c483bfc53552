"""A Slurm cluster through submitit: an array of jobs, each with trials of about the same total cost.

The results folder, where submitit's own files lie in `slurm`, and the code must be found by every node under the
same path. Where there is no Slurm, submitit's local executor runs the jobs as processes here, which is said.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common.errors import Failure, UsageError, one_line
from common.exits import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, guarded
from common.files import refresh
from common.words import plural
from harness.execution.executor import Concurrency, Order, cores, search_path, share_of_cores, shared
from harness.execution.ordering import pack
from harness.execution.slurm_queue import RUNNING, Queue
from harness.execution.worker import work
from harness.plan.trial import Trial

MINUTES = 60  # of estimated work in a job
MARGIN = 3  # how many times as long a job may take, unless --slurm timeout_min says otherwise
NOTICE = 30  # seconds before its time limit at which a job is told, unless --slurm slurm_signal_delay_s says otherwise
MOST_JOBS = 1000  # of an array: what Slurm takes, unless its administrator has changed MaxArraySize
STDERR = 2  # standard error's descriptor, which processes that are begun inherit
ELSEWHERE = "what it has not run goes into another one"


def run_order(order: Order) -> int:
    """What a job does. EXIT_INTERRUPTED when its time is almost up.

    A job that is told to stop for any other reason leaves no result: whether it starts again is then for Slurm to say.
    """
    if (cores := os.environ.get("SLURM_CPUS_ON_NODE")) is not None:  # of this job; a node may show all that it has
        os.environ.setdefault("OMP_NUM_THREADS", cores)
    told = []

    def stop(*_: object) -> None:
        told.append(True)
        os.kill(os.getpid(), signal.SIGTERM)

    # which submitit has Slurm send in time; it would requeue, where that is allowed
    signal.signal(signal.SIGUSR2, stop)
    code = guarded(lambda: work(order))
    if code == EXIT_INTERRUPTED and not told:
        raise SystemExit(code)
    return code


class Workers:
    """workers: how many jobs run at once; None for as many as Slurm allows. settings: submitit's, like
    `slurm_partition=gpu`."""

    def __init__(self, order: Order, workers: int | None, out: Path, settings: Sequence[str]):
        try:
            import submitit
        except ImportError as error:
            text = "--executor slurm needs submitit; pip install -e '.[slurm]'"
            raise UsageError(text) from error
        self.order, self.workers = order, workers
        os.environ.update(search_path())  # which jobs inherit
        self.folder = (out / "slurm").resolve()
        self.executor = submitit.AutoExecutor(folder=self.folder / "%j")
        self.is_local = self.executor.cluster == "local"
        if self.is_local:
            print("no Slurm here: its jobs run as processes of this machine", file=sys.stderr)
        given = read_settings(settings)
        try:
            self.executor.update_parameters(
                **{"name": "representations", "timeout_min": MARGIN * MINUTES, "slurm_signal_delay_s": NOTICE}
                | ({"slurm_array_parallelism": workers} if workers is not None else {})
                | ({"gpus_per_node": 1} if order.device == "cuda" else {})
                | given
            )
        except (NameError, TypeError, ValueError, AssertionError) as error:
            raise UsageError(f"--slurm {' '.join(settings)}: {one_line(error)}") from error
        self.refusals = (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError)
        self.submitted = 0  # trials, the last time
        self.queue = Queue()
        self.jobs: list[Any] = []
        self.restarts: dict[str, int] = {}  # by the job's number
        self.reasons: set[str] = set()  # for which jobs wait, of which was told

    def submit(self, trials: Sequence[Trial]) -> None:
        # after jobs that ran none, each has one of its own: one that kills its job, or outlasts it, keeps no other back
        least = len(trials) if len(trials) == self.submitted else self.workers or 1
        self.submitted = len(trials)
        packs = pack(trials, self.order.device, 60 * MINUTES, least, MOST_JOBS)
        orders = [self.order.for_trials(each) for each in packs]
        if self.is_local:  # all of them at once, as processes that inherit this one's environment
            os.environ["OMP_NUM_THREADS"] = share_of_cores(len(orders))
        try:
            with _errors_to(self.folder / "submitit.log"):
                self.jobs = self.executor.map_array(run_order, orders)
        except self.refusals as error:
            raise UsageError(f"Slurm refuses the jobs: {one_line(error)}") from error
        self.queue = Queue()  # which knows them
        what = f"{plural(len(trials), 'trial')} in {plural(len(packs), 'job')}"
        print(f"{what}, the first is {self.jobs[0].job_id}", file=sys.stderr)

    def running(self) -> bool:
        for job in list(self.jobs):
            how = self._end_of(job)
            if how is not None:
                refresh(job.paths.folder)
            if job.paths.result_pickle.exists():
                self._read(job)
            elif how is not None:
                print(f"job {job.job_id} ended early, {how}; {ELSEWHERE}", file=sys.stderr)
            else:
                continue
            self.jobs.remove(job)
        return bool(self.jobs)

    def _end_of(self, job: Any) -> str | None:
        """How a job ended, in a word of Slurm's or submitit's; None: not yet. Tells of what keeps it."""
        if self.is_local:
            return job.state if job.done() else None
        state = self.queue.state(job.job_id)
        if state is None:
            return None
        if state.reason is not None and state.reason not in self.reasons and state.restarts == 0:
            self.reasons.add(state.reason)
            print(f"jobs wait in Slurm's queue: {state.reason}", file=sys.stderr)
        if state.restarts > self.restarts.get(job.job_id, 0):
            self.restarts[job.job_id] = state.restarts
            print(f"job {job.job_id} was requeued; when it starts again it skips what is done", file=sys.stderr)
        return state.name if state.has_ended else None

    def _read(self, job: Any) -> None:
        """The result that a job has left: UsageError or Failure when something in it raised."""
        error = job.exception()
        if error is not None:  # with the words of its trial
            raise Failure(f"job {job.job_id} raised an error\n{error}")
        code = job.result()
        if code == EXIT_INTERRUPTED:
            print(f"job {job.job_id} has met its time limit; {ELSEWHERE}", file=sys.stderr)
        elif code != EXIT_OK:
            lines = (job.stderr() or "").splitlines()
            said = next((line for line in reversed(lines) if line.startswith("error: ")), f"error: {job.paths.stderr}")
            told = f"in job {job.job_id}: {said.removeprefix('error: ')}"
            raise UsageError(told) if code == EXIT_USAGE else Failure(told)

    def concurrency(self) -> Concurrency:
        """Jobs that run, each with a core or a GPU of its own; before any does, as many as may."""
        if self.is_local:  # where each sees the same GPU, the first
            return shared(len(self.jobs), cores() if self.order.device == "cpu" else 1)
        states = [self.queue.state(job.job_id) for job in self.jobs]
        run = sum(state is not None and state.name == RUNNING for state in states)
        return Concurrency(max(1, run or min(self.workers or len(states), len(states))), 1)

    def stop(self) -> None:
        if self.is_local:
            for job in self.jobs:
                job.cancel()
            for job in self.jobs:  # which submitit kills after a second
                job.wait()
        elif self.jobs:  # some of which may have ended by now
            subprocess.run(["scancel", "--quiet", *(job.job_id for job in self.jobs)], stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """Add standard error of this process, and of those that it begins meanwhile, to a file: submitit prints there what
    it then raises, and its process beside each job here a traceback when it is told to stop."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(STDERR)
    try:
        with path.open("a") as file, contextlib.redirect_stderr(file):
            os.dup2(file.fileno(), STDERR)
            yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)


def read_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`mem_gb=32`, `slurm_partition=gpu`: by name, numbers as numbers."""
    found = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not (name and equals):
            raise UsageError(f"--slurm takes KEY=VALUE like slurm_partition=gpu, got '{setting}'")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found
