"""Which executor a command line asks for, where its trials run, in words, and how many run at once by default."""

import argparse
import importlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from common.errors import UsageError
from harness.execution.executor import Executor, Order, Superseded
from harness.plan.cost import trial_seconds
from harness.plan.trial import Trial
from harness.train import machine

WORTH = 60.0  # seconds of trials, by estimate, from which several workers on a CPU are worth their start
MOST_WORKERS = 8  # by default, as each has PyTorch and a trial in memory


def default_workers(options: argparse.Namespace, device: torch.device, trials: Sequence[Trial]) -> int | None:
    """How many trials run at once where nobody says: on this machine's CPU as many as PyTorch has threads, as two
    trials of one thread each end sooner than both with two. None for what the executor does by itself."""
    threads = torch.get_num_threads()
    if options.executor != "local" or device.type != "cpu" or threads == 1:
        return None
    taken = itertools.accumulate(trial_seconds(trial, device.type) or 0.0 for trial in trials)
    worth = any(seconds > WORTH for seconds in taken)  # as soon as it is plain, as trials may be thousands
    return min(threads, MOST_WORKERS, len(trials)) if worth else None


def place(options: argparse.Namespace, device: torch.device) -> str:
    """Where the trials run, in words."""
    if options.executor != "local":
        return f"{device.type} devices, through {options.executor.capitalize()}"
    many = f", {options.workers} workers" if options.workers else ""
    return machine.device_name(device) + (" and every other GPU here" if options.device == "all" else "") + many


def make_executor(
    options: argparse.Namespace, arguments: Sequence[str], device: torch.device, superseded: Superseded
) -> Executor | None:
    """What runs the trials elsewhere, imported only now as Ray and submitit are optional; None for this process."""
    if options.slurm and options.executor != "slurm":
        raise UsageError("--slurm is for --executor slurm")
    if options.executor == "local" and options.device != "all" and (options.workers or 1) == 1:
        return None
    name = "all" if options.device == "all" else str(device)
    order = Order(tuple(arguments), os.getcwd(), name, tuple(sorted(superseded)))
    module = importlib.import_module(f"harness.execution.executors.{options.executor}")
    out = Path(options.out)
    more = {"local": (out,), "ray": (), "slurm": (out, options.slurm)}[options.executor]
    return module.Workers(order, options.workers, *more)
