"""Where trials run: in this process, or through an executor in others (harness/execution/executors).

The store is the only thing that all of them share. Each runs what has no rows and what nobody else has claimed, so
several launches of one experiment divide its trials.
"""

import functools
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from common.errors import Failure
from common.files import refresh
from harness.execution.executor import ALONE, Concurrency, Executor, Superseded
from harness.execution.progress import Progress
from harness.execution.trial_rows import Arrivals, is_done, stored
from harness.plan.trial import Trial
from harness.store.claims import Claims
from harness.store.facts import started_at
from harness.store.liveness import read_claims, who
from harness.store.own_signal import keep_signal, signal_path
from harness.store.store import Store
from harness.train import checkpoint
from harness.train.data import signal_of
from harness.train.run_trial import run_trial
from harness.train.score import Result

POLL = 0.5  # seconds between two looks at the store
MOST_ROUNDS = 3  # that may end without a new row


@dataclass(frozen=True)
class RunOptions:
    """Where trials run, until when, and what becomes of them.

    out: the results folder. deadline: on time.monotonic's clock; no trial begins after it. on_end: is given every trial
    whose rows are stored. save_models, arrays: whether fitted models and residuals are stored beside rows. after:
    seconds of what follows, for the time that is left.
    """

    out: str | Path
    device: torch.device
    save_models: bool = False
    superseded: Superseded = field(default_factory=dict)
    deadline: float = math.inf
    on_end: Callable[[Trial], None] = lambda trial: None
    arrays: bool = True
    after: float = 0.0

    def progress(self, trials: Sequence[Trial], concurrency: Callable[[], Concurrency] = lambda: ALONE) -> Progress:
        """What tells of these trials."""
        return Progress(
            trials, self.device.type, concurrency, on_end=self.on_end, after=self.after, deadline=self.deadline
        )


def prepare(trials: Sequence[Trial], out: str | Path) -> None:
    """Make the folders of their rows; UsageError where they cannot be written."""
    for folder in {row.folder for trial in trials for row in trial.rows}:
        Store(out, folder).prepare()


def execute(trials: Sequence[Trial], options: RunOptions) -> None:
    """Run the trials in this process and store each as it ends; wait for those that others run.

    A KeyboardInterrupt loses the trial in flight alone.
    """
    prepare(trials, options.out)
    claims, left = Claims(options.out), list(trials)
    with options.progress(trials) as progress:
        while left and time.monotonic() < options.deadline:
            left = run_free(left, claims, progress, options)
            wait(left, claims, options)


def run_free(trials: Sequence[Trial], claims: Claims, progress: Progress, options: RunOptions) -> list[Trial]:
    """Run those that nobody has run and nobody else has claimed, until the deadline; the trials that are left."""
    out, left = options.out, []
    for trial in trials:
        if is_done(trial, out, options.superseded):  # by others since the plan was made
            tell(trial, out, progress)
            claims.bury(trial)
            continue
        claim = claims.take(trial) if time.monotonic() < options.deadline else None
        if claim is None:
            left.append(trial)
            continue
        with claim:
            for scoring in trial.rows:
                refresh(Store(out, scoring.folder).rows)
            if is_done(trial, out, options.superseded):  # while we were about to claim it
                left.append(trial)
                continue
            progress.begin(trial, claim)
            save = functools.partial(checkpoint.save_fitted, out, trial) if options.save_models else None
            try:
                results = run_trial(trial, options.device, progress.advance, save)
                if trial.path is not None:
                    keep_signal(signal_path(out, vars(trial)), signal_of(trial))
                write(trial, results, options)
            except KeyboardInterrupt:
                print(f"\nabandoned: {trial}", file=sys.stderr)
                raise
        progress.end(trial, [result.row for result in results])
        del results  # their errors lie on the device, where the next trial's peak of memory is measured
    return left


def write(trial: Trial, results: Sequence[Result], options: RunOptions) -> None:
    """Store a trial's rows, with `arrays` its residuals, and with `save_models` the files that `rates` tells of."""
    if options.save_models:
        checkpoint.save_files(options.out, trial, results[0].files)
    for scoring, result in zip(trial.rows, results, strict=True):
        store = Store(options.out, scoring.folder)
        store.write(scoring.key, result.row, result.residual if options.arrays else None)


def wait(trials: Sequence[Trial], claims: Claims, options: RunOptions) -> None:
    """Wait until one of the trials has been run by its holder or has no living one, at most until the deadline."""
    told = False
    while trials and time.monotonic() < options.deadline:
        holders = [said for trial in trials if (said := claims.held(trial)) is not None]
        if len(holders) < len(trials) or any(is_done(trial, options.out, options.superseded) for trial in trials):
            return
        if not told:
            more = f" and {len(trials) - 1} more" if len(trials) > 1 else ""
            print(f"waiting for {trials[0]}{more}, which {who(holders[0])} runs", file=sys.stderr)
            told = True
        time.sleep(POLL)


def spread(trials: Sequence[Trial], executor: Executor, options: RunOptions) -> None:
    """Run the trials through an executor, begun in this order, and tell of each as its rows appear; wait for those that
    others run. What has begun by the deadline runs to its end. Raises what `running` of the executor raises.

    What workers do with a model, and whether they store arrays, they know from their own words.
    """
    prepare(trials, options.out)
    left, rounds, claims = list(trials), 0, Claims(options.out)
    arrivals = Arrivals(trials, options.out)
    with options.progress(trials, executor.concurrency) as progress:
        try:
            while left and time.monotonic() < options.deadline:
                executor.submit(left)
                before, going = len(left), True
                while going and (time.monotonic() < options.deadline or any(map(claims.held, left))):
                    if not (going := executor.running()):
                        arrivals.forget()
                    left = tell_finished(arrivals, progress, options)
                    progress.tell_running(functools.partial(read_claims, options.out))
                    time.sleep(POLL if going else 0)
                rounds = rounds + 1 if len(left) == before and not any(map(claims.held, left)) else 0
                if rounds == MOST_ROUNDS:
                    raise Failure(f"workers end without having run {left[0]}")
                wait(left, claims, options)
        finally:
            executor.stop()


def tell_finished(arrivals: Arrivals, progress: Progress, options: RunOptions) -> list[Trial]:
    """Tell of the trials that have rows by now; returns the others."""
    for trial in arrivals.look():
        if is_done(trial, options.out, options.superseded):
            tell(trial, options.out, progress)
            del arrivals.left[trial.rows[-1].name]
    return list(arrivals.left.values())


def tell(trial: Trial, out: str | Path, progress: Progress) -> None:
    """Tell of a trial that another process ran, with the seconds from its start until its last row was written."""
    rows = [row for row in stored(trial, out).values() if row is not None]
    last = Store(out, trial.rows[-1].folder).row_path(trial.rows[-1].key)
    try:
        took = last.stat().st_mtime - started_at(rows[-1])
    except (OSError, ValueError):  # a row may be anybody's
        took = 0.0
    took = min(took, time.monotonic() - progress.since)  # clocks may differ
    progress.tell(trial, rows, max(took, *(row["seconds"] or 0.0 for row in rows)))
