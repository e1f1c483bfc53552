"""Trials that run again from their rows, and whether they give the same: of `verify`, and of `reference --verify`."""

import dataclasses
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from common.errors import UsageError, cause_of
from common.exits import EXIT_FAILED, EXIT_OK
from common.words import plural
from harness.analysis.agreement import Agreement, compare
from harness.execution.progress import Progress
from harness.plan.config import Config
from harness.plan.cost import as_large
from harness.plan.describe_cost import describe_cost
from harness.plan.replay import trial_of
from harness.plan.trial import Trial
from harness.store.own_signal import signal_path
from harness.store.scan import Stored
from harness.train import machine, run_trial
from harness.train.data import signal_again
from harness.train.score import Result
from models import backends, get_model
from target_signals.user_file import UserFile


@dataclass(frozen=True)
class Group:
    """A trial that is run again, and the rows that it left, wherever they lie.

    as_large: the trial as estimates of cost take it.
    """

    trial: Trial
    as_large: Trial
    rows: list[Stored]


def report(
    chosen: Sequence[Stored],
    config: Config,
    device: torch.device,
    tolerance: float,
    file: str | None = None,
    deadline: float = math.inf,
) -> int:
    """Run the trials of these rows again and say of each what came of it; the exit code.

    tolerance: dB of PSNR, where bits need not agree. file: the user's own that the rows are of. deadline: on
    time.monotonic's clock; no trial begins after it.
    """
    print(f"on {machine.device_name(device)}; a CPU gives the same bits where machine, threads, versions, commit and")
    print(f"back end are the row's; elsewhere PSNR agrees within {tolerance:g} dB")
    groups, refused = plan(chosen, config, file)
    cost = describe_cost([group.as_large for group in groups], device.type)
    print(f"{plural(len(groups), 'trial')} to run again: {cost}", flush=True)
    good = repeated = 0
    for one, found in itertools.chain(refused, agreements(groups, device, tolerance)):
        good, repeated = good + found.agrees, repeated + 1
        then = "-" if one.row["psnr"] is None else f"{one.row['psnr']:.2f} dB"
        by = "" if found.difference is None else f" {found.difference:+.2g} dB"
        print(f"{'ok  ' if found.agrees else 'FAIL'}  {one.name}  {then}{by}: {found.words}")
        if time.monotonic() > deadline:
            break
    print(f"{good} of {repeated} rows were given again")
    return EXIT_OK if good == repeated else EXIT_FAILED


def plan(
    chosen: Sequence[Stored], config: Config, file: str | None
) -> tuple[list[Group], list[tuple[Stored, Agreement]]]:
    """The trials of rows, and what is said of each row whose trial cannot be run again."""
    groups: dict[tuple[str, str, int, str | None], Group] = {}
    refused = []
    for one in chosen:
        try:
            trial = trial_of(one.row, config, file)
            shape = one.row["shape"] if trial.signal == UserFile.name else None
            sized = as_large(trial, math.prod(shape[:-1])) if shape else trial
        except Exception as error:  # settings may be anybody's, and other rows are to be looked at as well
            refused.append((one, _not_repeated(error)))
        else:
            same = (trial.folder, trial.key, trial.evaluate_every, one.row["backend"])
            groups.setdefault(same, Group(trial, sized, [])).rows.append(one)
    return list(groups.values()), refused


def agreements(groups: Sequence[Group], device: torch.device, tolerance: float) -> Iterator[tuple[Stored, Agreement]]:
    """What comes of each row, as its trial ends."""
    for group in groups:
        try:
            again = _repeat(group, device)
        except Exception as error:  # as in `plan`
            yield from ((one, _not_repeated(error)) for one in group.rows)
            continue
        for one in group.rows:
            result = again.get(one.row["task"])
            if result is None:
                words = f"cannot be repeated: its trial is no longer scored on {one.row['task']}"
                yield one, Agreement(False, words)
            else:
                array = one.store.array_path(one.key)
                yield one, compare(one.row, array, result.row, result.residual, tolerance)


def _not_repeated(error: Exception) -> Agreement:
    """What is said of a row whose trial cannot be run again."""
    cause = str(error) if isinstance(error, UsageError | OSError) else cause_of(error)
    return Agreement(False, f"cannot be repeated: {cause}")


def _repeat(group: Group, device: torch.device) -> dict[str, Result]:
    """The results of a trial by task, of its rows' own back end where that runs here. A person's own signal is the one
    that a results folder of its rows keeps, unless the file was given."""
    trial, row = group.trial, group.rows[0].row
    folders, backend = [one.store.folder.parent for one in group.rows], row["backend"]
    own = backend if backend in backends.available(get_model(trial.model), device) else None
    keeps = next((folder for folder in folders if signal_path(folder, row).is_file()), folders[0])
    signal = signal_again(trial, row, keeps)
    trial = dataclasses.replace(trial, backend=own)
    with Progress([trial], device.type) as progress:
        progress.begin(trial)
        results = run_trial.run_on(trial, signal, device, progress.advance)
    return {result.row["task"]: result for result in results}
