"""A Slurm cluster through submitit: an array of jobs, each with trials of about the same total cost.

The results folder, where submitit's own files lie in `slurm`, and the code must be found by every node under the
same path. Where there is no Slurm, submitit's local executor runs the jobs as processes here, which is said.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import Failure, UsageError
from common.exits import EXIT_OK
from harness.execution.executor import Order, share_of_cores
from harness.execution.ordering import pack
from harness.execution.worker import work
from harness.plan.trial import Trial

MINUTES = 60  # of estimated work in a job
MARGIN = 3  # how many times as long a job may take, unless --slurm timeout_min says otherwise


class Resumed:
    """`work`, which Slurm starts again when it takes the node away or the time is up: what is done is skipped."""

    def __call__(self, order: Order) -> int:
        if (cores := os.environ.get("SLURM_CPUS_ON_NODE")) is not None:  # of this job; a node may show all that it has
            os.environ.setdefault("OMP_NUM_THREADS", cores)
        return work(order)

    def checkpoint(self, order: Order) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, order)


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
        self.executor = submitit.AutoExecutor(folder=(out / "slurm" / "%j").resolve())
        self.is_local = self.executor.cluster == "local"
        if self.is_local:
            print("no Slurm here: its jobs run as processes of this machine", file=sys.stderr)
        given = read_settings(settings)
        try:
            self.executor.update_parameters(
                **{"name": "representations", "timeout_min": MARGIN * MINUTES}
                | ({"slurm_array_parallelism": workers} if workers is not None else {})
                | ({"gpus_per_node": 1} if order.device == "cuda" else {})
                | given
            )
        except (NameError, TypeError, ValueError, AssertionError) as error:
            raise UsageError(f"--slurm {' '.join(settings)}: {' '.join(str(error).split())}") from error
        self.jobs: list[Any] = []

    def submit(self, trials: Sequence[Trial]) -> None:
        packs = pack(trials, self.order.device, 60 * MINUTES, self.workers or 1)
        orders = [self.order.for_trials(each) for each in packs]
        if self.is_local:  # all of them at once, as processes that inherit this one's environment
            os.environ["OMP_NUM_THREADS"] = share_of_cores(len(orders))
        self.jobs = self.executor.map_array(Resumed(), orders)
        print(f"{len(trials)} trials in {len(packs)} jobs, the first is {self.jobs[0].job_id}", file=sys.stderr)

    def running(self) -> bool:
        for job in [job for job in self.jobs if job.done()]:
            self.jobs.remove(job)
            error = job.exception()
            if error is None and job.result() == EXIT_OK:
                continue
            if "Traceback" in str(error):  # a trial raised; submitit passes its words on
                raise Failure(f"job {job.job_id} raised an error\n{error}")
            what = "terminated" if error is None else next(iter(str(error).splitlines()), type(error).__name__)
            print(f"job {job.job_id} ended early: {what}; what it has not run goes into another one", file=sys.stderr)
        return bool(self.jobs)

    def stop(self) -> None:
        for job in self.jobs:
            job.cancel()


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
