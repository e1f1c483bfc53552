"""Where a command line has its trials run: how many workers they have, which executor, and that in words."""

import argparse
import importlib
import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from common.errors import UsageError
from common.words import plural
from harness.execution import run_trials
from harness.execution.executor import Executor, Order
from harness.execution.executors.local import visible_gpus
from harness.execution.ordering import in_order
from harness.plan.cost import trial_seconds
from harness.plan.trial import Trial
from harness.train import machine

WORTH = 60.0  # seconds of trials, by estimate, from which several workers on a CPU are worth their start
MOST_WORKERS = 8  # by default, as each has PyTorch and a trial in memory
OF_WORKER = 1 << 28  # bytes of memory that PyTorch alone takes


def count_workers(options: argparse.Namespace, device: torch.device, trials: Sequence[Trial]) -> int | None:
    """How many workers run these trials: as many as --workers says. By default, on this machine one per GPU with
    --device all, on its CPU as many as PyTorch has threads, as two trials of one thread each end sooner than both with
    two, and else one, which is this process; on a cluster as many as it has room for, which is None."""
    if options.executor != "local":
        return options.workers
    if options.workers is not None:
        memory = machine.memory(torch.device("cpu"))
        if memory is not None and options.workers > (most := memory // OF_WORKER):
            raise UsageError(
                f"--workers: {options.workers:,} processes have no room in {memory / 1e9:,.0f} GB of memory; "
                f"give at most {most:,}: one for each core, or a few for each GPU"
            )
        return options.workers
    if options.device == "all":
        return len(visible_gpus())
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        return 1
    taken = itertools.accumulate(trial_seconds(trial, device.type) or 0.0 for trial in trials)
    worth = any(seconds > WORTH for seconds in taken)  # as soon as it is plain, as trials may be thousands
    return min(threads, MOST_WORKERS, len(trials)) if worth else 1


def place(options: argparse.Namespace, device: torch.device, workers: int | None) -> str:
    """Where the trials run, in words."""
    if options.executor != "local":
        return f"{device.type} devices, through {options.executor.capitalize()}"
    assert workers is not None, "count_workers knows how many run on this machine"
    used = min(workers, len(visible_gpus())) if options.device == "all" else 1
    others = f" and {plural(used - 1, 'more GPU')} here" if used > 1 else ""
    many = f", {workers} workers" if workers != 1 else ""
    return machine.device_name(device) + others + many


def run_where_asked(
    trials: Sequence[Trial],
    how: run_trials.RunOptions,
    options: argparse.Namespace,
    workers: int | None,
    words: Sequence[str],
    in_turn: bool = False,
) -> None:
    """Run trials in this process, or through the executor that is asked for, the long ones first, unless they are to
    begin `in_turn`.

    workers, words: as for `make_executor`.
    """
    if not trials:
        return
    executor = make_executor(how, options, workers, words)
    if executor is None:
        run_trials.execute(trials, how)
    else:
        run_trials.spread(trials if in_turn else in_order(trials, how.device.type), executor, how)


def make_executor(
    how: run_trials.RunOptions, options: argparse.Namespace, workers: int | None, words: Sequence[str]
) -> Executor | None:
    """What runs the trials elsewhere, imported only now as Ray and submitit are optional; None for this process.

    workers: what `count_workers` says. words: those from which a worker makes the same plan.
    """
    if options.executor == "local" and workers == 1:
        return None
    device = "all" if options.device == "all" else str(how.device)
    until = time.time() + how.deadline - time.monotonic()
    order = Order(tuple(words), os.getcwd(), device, how.superseded, until=until)
    module = importlib.import_module(f"harness.execution.executors.{options.executor}")
    out = Path(options.out)
    more = {"local": (out,), "ray": (), "slurm": (out, options.slurm)}[options.executor]
    return module.Workers(order, workers, *more)
