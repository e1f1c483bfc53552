"""Where trials run: this process, one after the other."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from harness.plan import Trial
from harness.results import OK, Row, Store
from harness.trial import Result, run_trial
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
    interactive = sys.stderr.isatty()
    passes = sum(trial.steps for trial in trials)
    for folder in {row.folder for trial in trials for row in trial.rows}:
        Store(out, folder).prepare()
    with tqdm(total=passes, unit="pass", smoothing=0.02, disable=not interactive, dynamic_ncols=True) as bar:
        for number, trial in enumerate(trials, start=1):
            bar.set_description(f"{number}/{len(trials)} {trial}")
            before = int(bar.n)

            def advance(step: int, before: int = before) -> None:
                bar.update(before + step - bar.n)

            keep = None if on_model is None else functools.partial(on_model, trial)
            results = run_trial(trial, device, advance, keep)
            for name, result in zip(trial.rows, results, strict=True):
                Store(out, name.folder).write(name.key, result.row, result.residual)
            advance(trial.steps)
            tqdm.write(f"[{number}/{len(trials)}] {trial}: {' | '.join(map(describe, results))}", file=sys.stdout)


def describe(result: Result) -> str:
    """One line about a finished scoring."""
    row = result.row
    if row["status"] != OK:
        return f"{row['status']}: {row['reason']}"
    if row["task"] == "super_resolution":
        return f"super-resolved {row['psnr']:.2f} dB"
    return f"{row['psnr']:.2f} dB in {row['seconds']:.1f} s, {row['parameters']:,} parameters"
