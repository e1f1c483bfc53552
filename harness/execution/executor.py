"""What an executor is, and what it asks of its workers."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.plan.trial import Trial

Superseded = Collection[tuple[str, str]]


class Executor(Protocol):
    """Runs trials in other processes, each of which calls harness/execution/worker.py: work."""

    def submit(self, trials: Sequence[Trial]) -> None:
        """Start on trials; those of the call before have ended."""

    def running(self) -> bool:
        """Whether some of them still run. Failure when a trial raised, or workers keep dying."""

    def stop(self) -> None:
        """Abandon what runs."""


@dataclass(frozen=True)
class Order:
    """What a worker is to do.

    arguments: of run.py. folder: where it was started. device: the worker's own. superseded: see
    `execute.split_done`. keys: of the trials; None for all that the command line plans.
    """

    arguments: tuple[str, ...]
    folder: str
    device: str
    superseded: tuple[tuple[str, str], ...] = ()
    keys: tuple[str, ...] | None = None

    def for_trials(self, trials: Collection[Trial]) -> "Order":
        names = {name.key for trial in trials for name in trial.rows}
        superseded = tuple((key, started) for key, started in self.superseded if key in names)
        return dataclasses.replace(self, superseded=superseded, keys=tuple(trial.key for trial in trials))
