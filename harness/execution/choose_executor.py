"""Which executor a command line asks for, and where its trials run, in words."""

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from common.errors import UsageError
from harness.execution.executor import Executor, Order, Superseded
from harness.train import machine


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
