"""Seconds from a model's construction to the end of its first update, with nothing compiled before and once more.

    python benchmarks/first_update.py --models Siren GAPlane --sizes 1e4 1e5 --dims 2 --minutes 9

A row for each cell: a model that is trained, 2D or 3D, and a budget, at 1000² or 100³ points. Each start is a process
of its own, which runs one pass by run.py and says in its row how long it took (`ready_seconds`). The first one finds
the caches of what PyTorch, Triton and the driver compile empty, and the second one finds there what the first has left.
Importing PyTorch and building the signal stand outside.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from cells import SIGNAL, add_cells, chosen_cells, here, name_of
from common.errors import Failure
from common.exits import EXIT_FAILED, EXIT_OK, guarded
from common.parser import Parser
from harness.execution.option_types import minutes
from harness.execution.shared_options import add_device, deadline
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.train import machine
from own_process import only_row

CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "PYTORCH_KERNEL_CACHE_PATH", "CUDA_CACHE_PATH")
FIRST = ((2, 10_000), (2, 100_000), (3, 100_000))  # dimensions and budgets to begin with
HEADINGS = ("cell", "back end", "nothing compiled before, s", "compiled before, s")


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(parse(arguments)), "run it again with --models, --sizes or --dims for the rest")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="first_update.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add_cells(parser, models=["all", "newer"])
    add("--minutes", type=minutes, metavar="M", help="begin no cell later than this")
    add_device(parser)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    end, device = deadline(options), machine.choose_device(options.device)
    waiting, failed = cells(options), False
    first: dict[str, float] = {}  # seconds with nothing compiled before, by cell
    print(here(device))
    print(f"| {' | '.join(HEADINGS)} |\n|:--|:--|--:|--:|", flush=True)
    while waiting and time.monotonic() < end:
        trial = waiting.pop(0)
        name = name_of(trial)
        try:
            how, seconds = measured(trial, device, options.length)
        except Failure as error:
            print(f"error: {error}", file=sys.stderr)
            how, seconds, failed = "failed", [], True
        times = [f"{each:.1f}" for each in seconds] or ["–", "–"]
        print(f"| {' | '.join([name, how, *times])} |", flush=True)
        if seconds:
            first[name] = seconds[0]
    if first:
        longest = max(first, key=first.__getitem__)
        print(f"\nlongest with nothing compiled before: {first[longest]:.1f} s, {longest}")
    if waiting:
        print(f"\nnot run, as the minutes were over: {', '.join(map(name_of, waiting))}")
    return EXIT_FAILED if failed else EXIT_OK


def cells(options: argparse.Namespace) -> list[Trial]:
    """A trial for each cell that is asked for, those of FIRST at the beginning."""

    def place(trial: Trial) -> int:
        cell = trial.dim, trial.budget
        return FIRST.index(cell) if cell in FIRST else len(FIRST)

    return sorted(chosen_cells(load_config(), options), key=place)


def measured(trial: Trial, device: torch.device, length: int | None) -> tuple[str, list[float]]:
    """The back end and the precision of a cell, and seconds with nothing compiled before and with what that start has
    left; no seconds, and why, where there is no such model."""
    words = ["--signal", SIGNAL, "--dim", str(trial.dim), "--preset", "paper", "--device", str(device)]
    words += ["--models", trial.model, "--sizes", str(trial.budget), "--bandlimits", str(trial.bandlimit)]
    words += ["--seeds", str(trial.seed), "--steps", "1", "--workers", "1"]
    words += ["--length", str(length)] if length else []
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        caches = {name: str(Path(folder, name)) for name in CACHES}
        for path in caches.values():
            Path(path).mkdir()
        for _ in range(2):
            row = only_row(words, caches)
            if row["ready_seconds"] is None:
                return f"{row['status']}: {row['reason']}", []
            seconds.append(row["ready_seconds"])
    return f"{row['backend']} {row['precision']}", seconds


if __name__ == "__main__":
    raise SystemExit(main())
