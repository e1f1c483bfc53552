"""What an executor is, and what it asks of its workers."""

import dataclasses
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from common.files import ROOT
from harness.plan.trial import Trial

Superseded = Mapping[str, str]  # rows that do not count, as their trials are to run again: key → `started`


class Concurrency(NamedTuple):
    """How many trials run at once, and how many of them at most share a device, which is a GPU or a core, and so its
    time."""

    workers: int
    per_device: int


ALONE = Concurrency(1, 1)


class Executor(Protocol):
    """Runs trials in other processes, each of which calls harness/execution/worker.py: work."""

    def submit(self, trials: Sequence[Trial]) -> None:
        """Start on trials; those of the call before have ended."""

    def running(self) -> bool:
        """Whether some of them still run. Raises the UsageError or Failure that a worker ended with, and Failure when a
        trial raised another error, or workers keep dying."""

    def concurrency(self) -> Concurrency:
        """That of what was submitted and has not ended; at least one worker."""

    def stop(self) -> None:
        """Abandon what runs."""


def cores() -> int:
    """How many cores this process may use, whatever number of threads it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared(workers: int, devices: int) -> Concurrency:
    """Workers that are spread evenly over devices."""
    return Concurrency(max(1, workers), max(1, math.ceil(workers / devices)))


def share_of_cores(workers: int) -> str:
    """OMP_NUM_THREADS for each of several workers on this machine: the one that is set, or an equal share of the cores
    that this process may use. Workers on GPUs need it as well: they solve grids, make signals and score on the host."""
    import torch  # not at the top: a worker imports this module before its own threads are settled

    return os.environ.get("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // workers)))


def search_path() -> dict[str, str]:
    """Environment variables with which a process finds the suite, and finds it before files of the same names in the
    folder that a person is in, such as a models.py. Python 3.10 does not know the second of them."""
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = [str(ROOT), *(folder for folder in others if folder and folder != str(ROOT))]
    return {"PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}


@dataclass(frozen=True)
class Order:
    """What a worker is to do.

    arguments: of run.py. folder: where it was started. device: the worker's own. keys: of the trials, among those that
    the command line plans. until: on time.time's clock, which machines share; no trial begins after it.
    """

    arguments: tuple[str, ...]
    folder: str
    device: str
    superseded: Superseded = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    until: float = math.inf

    def for_trials(self, trials: Collection[Trial]) -> "Order":
        """The same order for some trials alone, with what is superseded of theirs."""
        names = (row.key for trial in trials for row in trial.rows) if self.superseded else ()
        superseded = {key: self.superseded[key] for key in names if key in self.superseded}
        return dataclasses.replace(self, superseded=superseded, keys=tuple(trial.key for trial in trials))
