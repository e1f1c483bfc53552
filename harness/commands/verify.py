"""`python -m harness verify`: run chosen trials again, and compare what they give with their rows.

On the CPU with the row's own processor, threads, versions, commit and back end the numbers must agree bit for
bit: every score, the curve and the residual. Elsewhere PSNR must agree within --tolerance.
"""

import argparse
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import UsageError, cause_of
from common.exits import EXIT_FAILED, EXIT_OK
from common.words import plural
from harness.commands.chosen_rows import Chosen, named, selected
from harness.commands.selected_rows import add_selection
from harness.execution.option_types import positive
from harness.execution.shared_options import add_config, add_device, add_out
from harness.plan.config import load_config

if TYPE_CHECKING:
    import torch

    from harness.analysis.agreement import Agreement
    from harness.plan.trial import Trial
    from harness.train.score import Result

TOLERANCE = 0.2  # dB
MOST_TOLERANCE = 100.0  # dB, beyond which any two rows agree
MOST = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("rows", nargs="*", metavar="ROW", help="names of rows, parts of names, or paths of row files")
    add_selection(parser, files="; the path of a file with a registered one loads it")
    add("--most", type=positive, default=MOST, help="of what is not named row by row (default: %(default)s)")
    add("--tolerance", type=float, default=TOLERANCE, metavar="DB", help="of PSNR (default: %(default)s dB)")
    add("--file", metavar="PATH", help="your own image or volume that the rows are of (default: what the folder keeps)")
    add_device(parser)
    add_out(parser)
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    """0: every chosen row was given again; 1: some were not, or cannot be."""
    if not 0 <= options.tolerance <= MOST_TOLERANCE:
        raise UsageError(f"--tolerance takes decibels from 0 to {MOST_TOLERANCE:g}, got {options.tolerance:g}")
    import target_signals
    from harness.execution.launch import choose_models
    from harness.train import machine
    from target_signals.tasks.base import expand_tasks

    config = load_config(options.config)
    if options.models is not None:
        options.models = [tuple(choose_models(config, [word])) for word in options.models]
    options.signal = names_in(options.signal, target_signals.registry.load_file)
    options.task = names_in(options.task, lambda path: expand_tasks([path]))
    chosen = named(options.rows, options.out) if options.rows else selected(options)
    return report(chosen, options, machine.choose_device(options.device))


def report(
    chosen: Sequence[Chosen], options: argparse.Namespace, device: "torch.device", deadline: float = math.inf
) -> int:
    """Run the trials of these rows again and say of each what came of it; the exit code.

    options: `config`, `tolerance` and `file`. deadline: on time.monotonic's clock; no trial begins after it.
    """
    from harness.plan.describe_cost import describe_cost
    from harness.train import machine

    print(f"on {machine.device_name(device)}; a CPU gives the same bits where machine, threads, versions, commit and")
    print(f"back end are the row's; elsewhere PSNR agrees within {options.tolerance:g} dB")
    groups, refused = plan(chosen, options)
    cost = describe_cost([group.as_large for group in groups], device.type)
    print(f"{plural(len(groups), 'trial')} to run again: {cost}", flush=True)
    good = repeated = 0
    for one, found in itertools.chain(refused, agreements(groups, options, device)):
        good, repeated = good + found.agrees, repeated + 1
        then = "-" if one.row["psnr"] is None else f"{one.row['psnr']:.2f} dB"
        by = "" if found.difference is None else f" {found.difference:+.2g} dB"
        print(f"{'ok  ' if found.agrees else 'FAIL'}  {one.store.folder.name}/{one.key}  {then}{by}: {found.words}")
        if time.monotonic() > deadline:
            break
    print(f"{good} of {repeated} rows were given again")
    return EXIT_OK if good == repeated else EXIT_FAILED


def names_in(text: str | None, load_file: Callable[[str], list[str]]) -> tuple[str, ...] | None:
    """The names that an option leaves: the one given, or those of the file at the path given; None for all."""
    return None if text is None else tuple(load_file(text)) if text.endswith(".py") else (text,)


@dataclass(frozen=True)
class Group:
    """A trial that is run again, and the rows that it left, wherever they lie.

    as_large: the trial as estimates of cost take it.
    """

    trial: "Trial"
    as_large: "Trial"
    rows: list[Chosen]


def plan(chosen: Sequence[Chosen], options: argparse.Namespace) -> "tuple[list[Group], list[tuple[Chosen, Agreement]]]":
    """The trials of rows, and what is said of each row whose trial cannot be run again."""
    from harness.plan.cost import as_large
    from harness.plan.replay import trial_of
    from target_signals.user_file import UserFile

    config = load_config(options.config)
    groups: dict[tuple[str, str, int, str | None], Group] = {}
    refused = []
    for one in chosen:
        try:
            trial = trial_of(one.row, config, options.file)
            shape = one.row["shape"] if trial.signal == UserFile.name else None
            sized = as_large(trial, math.prod(shape[:-1])) if shape else trial
        except Exception as error:  # settings may be anybody's, and other rows are to be looked at as well
            refused.append((one, _not_repeated(error)))
        else:
            same = (trial.folder, trial.key, trial.evaluate_every, one.row["backend"])
            groups.setdefault(same, Group(trial, sized, [])).rows.append(one)
    return list(groups.values()), refused


def agreements(
    groups: Sequence[Group], options: argparse.Namespace, device: "torch.device"
) -> "Iterator[tuple[Chosen, Agreement]]":
    """What comes of each row, as its trial ends."""
    from harness.analysis.agreement import Agreement, compare

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
                yield one, compare(one.row, array, result.row, result.residual, options.tolerance)


def _not_repeated(error: Exception) -> "Agreement":
    """What is said of a row whose trial cannot be run again."""
    from harness.analysis.agreement import Agreement

    mistake = isinstance(error, UsageError | OSError)
    cause = str(error) if mistake else cause_of(error)
    return Agreement(False, f"cannot be repeated: {cause}")


def _repeat(group: Group, device: "torch.device") -> "dict[str, Result]":
    """The results of a trial by task, of its rows' own back end where that runs here. A person's own signal is the one
    that a results folder of its rows keeps, unless the file was given."""
    import dataclasses

    from harness.execution.progress import Progress
    from harness.store.own_signal import signal_path
    from harness.train.data import signal_again
    from harness.train.run_trial import run_on
    from models import backends, get_model

    trial, row = group.trial, group.rows[0].row
    folders, backend = [one.store.folder.parent for one in group.rows], row["backend"]
    own = backend if backend in backends.available(get_model(trial.model), device) else None
    keeps = next((folder for folder in folders if signal_path(folder, row).is_file()), folders[0])
    signal = signal_again(trial, row, keeps)
    trial = dataclasses.replace(trial, backend=own)
    with Progress([trial], device.type) as progress:
        progress.begin(trial)
        results = run_on(trial, signal, device, progress.advance)
    return {result.row["task"]: result for result in results}
