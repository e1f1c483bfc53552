"""Where trials run: this process, one after the other."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from harness.plan import Trial
from harness.progress import Progress
from harness.results import Row, Store
from harness.trial import run_trial
from models.base import Representation


def split_done(trials: Sequence[Trial], out: str | Path) -> tuple[list[Trial], list[Trial]]:
    """The trials whose rows all exist, and those that are left to run. A corrupt row is set aside."""
    done: list[Trial] = []
    left: list[Trial] = []
    for trial in trials:
        (left if any(row is None for row in stored(trial, out)) else done).append(trial)
    return done, left


def stored(trial: Trial, out: str | Path) -> list[Row | None]:
    """The rows of a trial, None for one that is not there."""
    return [Store(out, row.folder).read(row.key) for row in trial.rows]


def execute(
    trials: Sequence[Trial],
    out: str | Path,
    device: torch.device,
    on_model: Callable[[Trial, Representation], None] | None = None,
) -> None:
    """Run the trials and store each as it ends. A KeyboardInterrupt loses the trial in flight alone.

    on_model: is given every trial's fitted model before its rows are written.
    """
    for folder in {row.folder for trial in trials for row in trial.rows}:
        Store(out, folder).prepare()
    with Progress(trials, out, device.type) as progress:
        for trial in trials:
            progress.begin(trial)
            keep = None if on_model is None else functools.partial(on_model, trial)
            results = run_trial(trial, device, progress.advance, keep)
            for name, result in zip(trial.rows, results, strict=True):
                Store(out, name.folder).write(name.key, result.row, result.residual)
            progress.end(trial, results)
