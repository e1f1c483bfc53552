"""Options that several commands have: each means the same, and reads the same, in all of them. Imports no torch."""

import argparse
import math
import time

from common.precision import PRECISIONS
from harness.execution.option_types import budget, given_path, minutes, positive, whole_number
from harness.plan.config import DEFAULT_CONFIG
from harness.store.store import DEFAULT_OUT

EXECUTORS = ("local", "ray", "slurm")  # the modules of harness/execution/executors


def add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=given_path, default=DEFAULT_OUT, help="results folder (default: %(default)s)")


def add_config(parser: argparse.ArgumentParser) -> None:
    help_text = f"settings file (default: {DEFAULT_CONFIG.name})"
    parser.add_argument("--config", type=given_path, default=DEFAULT_CONFIG, metavar="FILE", help=help_text)


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="cpu, cuda or cuda:1 (default: cuda where there is one)")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Where trials run on this machine (harness/execution/choose_executor.py: count_workers)."""
    add = parser.add_argument
    add("--device", help="cpu, cuda, cuda:1, or all: one worker per GPU (default: cuda where there is one)")
    add(
        "--workers",
        type=positive,
        metavar="N",
        help="trials at once (default: with --device all one per GPU, on a CPU one per core for more than a minute's "
        "work, else 1)",
    )


def add_launch(parser: argparse.ArgumentParser) -> None:
    """Which models are fitted at which budgets, and how and where (harness/execution/launch.py)."""
    add = parser.add_argument
    add(
        "--models",
        nargs="+",
        default=["all"],
        metavar="MODEL",
        help="names, groups (all: the paper's, the yardsticks and your own; newer), or paths of files with a "
        "registered model (default: all)",
    )
    add(
        "--sizes",
        nargs="+",
        type=budget,
        metavar="P",
        help="parameter budgets, like 1e4 or 10k (default: the preset's)",
    )
    add("--steps", type=whole_number, help="passes over the signal (default: the preset's)")
    add("--length", type=whole_number, help="samples along the longest axis (default: the preset's)")
    add("--precision", choices=PRECISIONS, help="default: each model's own on CUDA, fp32 elsewhere")
    add("--backend", help="an implementation that must run, like triton or torch (default: the fastest that works)")
    add_workers(parser)
    add(
        "--executor",
        choices=EXECUTORS,
        default="local",
        help="where trials run: on this machine, or on a cluster of Ray or Slurm, which needs --device cpu or cuda, "
        "and runs as many at once as it has room for or --workers says; see docs/scaling.md (default: local)",
    )
    add(
        "--slurm",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="what jobs ask of Slurm, by submitit's names, like slurm_partition=gpu timeout_min=600 mem_gb=32",
    )
    add_config(parser)


def add_minutes(parser: argparse.ArgumentParser) -> None:
    help_text = "begin no trial later than this; the same command goes on"
    parser.add_argument("--minutes", type=minutes, metavar="M", help=help_text)


def deadline(options: argparse.Namespace) -> float:
    """When --minutes from now are over, on time.monotonic's clock; infinite where it is not given."""
    return math.inf if options.minutes is None else time.monotonic() + 60 * options.minutes
