"""Slurm's list of a user's jobs, as `squeue` gives it. `sacct`, which submitit asks, needs a data base that small
clusters do without; a job that is killed would never be seen to end there."""

import os
import subprocess
import time
from dataclasses import dataclass

EVERY = 5.0  # seconds between two questions: the controller has others to answer
PATIENCE = 60.0  # seconds for an answer
FORMAT = "JobArrayID:40 ,State:20 ,RestartCnt:10 ,Reason:80"
RUNNING = "RUNNING"
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}
ENDED |= {"REVOKED", "TIMEOUT", GONE := "no longer listed by squeue"}


@dataclass(frozen=True)
class State:
    """name: Slurm's word, such as PENDING or TIMEOUT. restarts: how many times the job was requeued. reason: why it
    waits, in Slurm's word, or None for want of nodes or of its turn."""

    name: str
    restarts: int
    reason: str | None

    @property
    def has_ended(self) -> bool:
        return self.name in ENDED


class Queue:
    """The list, of which may be asked as often as one likes; it asks Slurm every few seconds."""

    def __init__(self) -> None:
        self.asked: float | None = None  # time.monotonic
        self.states: dict[str, State] | None = None  # by the job's number; None: Slurm has not answered yet

    def state(self, job: str) -> State | None:
        """A job's state; None where Slurm has not answered yet."""
        if self.asked is None or time.monotonic() - self.asked >= EVERY:
            self.states = self._ask() or self.states
            self.asked = time.monotonic()
        return None if self.states is None else self.states.get(job, State(GONE, 0, None))

    def _ask(self) -> dict[str, State] | None:
        line = ["squeue", f"--user={os.getuid()}", "--array", "--states=all", "--noheader", f"--Format={FORMAT}"]
        try:
            done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return read(done.stdout) if done.returncode == 0 else None


def read(text: str) -> dict[str, State]:
    """The jobs of squeue's answer, in the columns of FORMAT."""
    found = {}
    for line in text.splitlines():
        job, name, restarts, reason = line.split(maxsplit=3)
        waits = name == "PENDING" and reason.strip() not in ("None", "Resources", "Priority", "JobArrayTaskLimit")
        found[job] = State(name, int(restarts), reason.strip() if waits else None)
    return found
