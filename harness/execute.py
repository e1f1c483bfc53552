"""Where trials run: this process, one after the other."""

import sys
from collections.abc import Sequence

import torch
from tqdm import tqdm

from harness.plan import Trial
from harness.results import OK, Store
from harness.trial import Result, run_trial


def split_done(trials: Sequence[Trial], store: Store) -> tuple[list[Trial], list[Trial]]:
    """The trials whose rows exist, and those that are left to run. A corrupt row is set aside."""
    done: list[Trial] = []
    left: list[Trial] = []
    for trial in trials:
        (left if store.read(trial.key) is None else done).append(trial)
    return done, left


def execute(trials: Sequence[Trial], store: Store, device: torch.device) -> None:
    """Run the trials and store each as it ends. A KeyboardInterrupt loses the trial in flight alone."""
    interactive = sys.stderr.isatty()
    passes = sum(trial.steps for trial in trials)
    with tqdm(total=passes, unit="pass", smoothing=0.02, disable=not interactive, dynamic_ncols=True) as bar:
        for number, trial in enumerate(trials, start=1):
            bar.set_description(f"{number}/{len(trials)} {trial}")
            before = int(bar.n)

            def advance(step: int, before: int = before) -> None:
                bar.update(before + step - bar.n)

            results = run_trial(trial, device, advance)
            for result in results:
                store.write(trial.key, result.row, result.residual)
            advance(trial.steps)
            tqdm.write(f"[{number}/{len(trials)}] {trial}: {' | '.join(map(describe, results))}", file=sys.stdout)


def describe(result: Result) -> str:
    """One line about a finished scoring."""
    row = result.row
    if row["status"] != OK:
        return f"{row['status']}: {row['reason']}"
    return f"{row['psnr']:.2f} dB in {row['seconds']:.1f} s, {row['parameters']:,} parameters"
