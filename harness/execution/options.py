"""The options of run.py, read by itself and again by each of its workers. Imports no torch."""

import argparse
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.files import ROOT
from common.parser import Parser
from harness.execution.option_types import bits_a_value, budget, given_path, positive, share, whole_number
from harness.plan.config import DEFAULT_CONFIG
from harness.plan.trial import PRECISIONS
from harness.store.store import DEFAULT_OUT

EXECUTORS = ("local", "ray", "slurm")  # the modules of harness/execution/executors

# how many workers run trials where nobody says (choose_executor.py: count_workers)
WORKERS = "with --device all one per GPU, on a CPU one per core for more than a minute's work, else 1"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="run.py",
        description="Fit every representation to a signal at equal parameter budgets; finished trials are skipped.",
    )
    add = parser.add_argument
    add(
        "--signal",
        nargs="+",
        help="which signal; --list names them. Or paths of images or volumes, or of folders with some, which are then "
        "the items of one experiment; or the path of a file with a registered one",
    )
    add("--dim", type=int, help="2 or 3; may be left out where a signal has one dimension only")
    add(
        "--task",
        nargs="+",
        default=["fit"],
        metavar="TASK",
        help="which tasks; --list names them. Or paths of files with a registered one (default: fit)",
    )
    add("--items", nargs="+", metavar="ITEM", help="which of a recorded signal's items, like 0064 (default: all)")
    add("--preset", help="extent of the experiment (default: paper with a CUDA device, otherwise quick)")
    add(
        "--models",
        nargs="+",
        default=["all"],
        metavar="MODEL",
        help="names, groups (all: the paper's, the yardsticks and your own; newer), or paths of files with a "
        "registered model (default: all)",
    )
    add("--sizes", nargs="+", type=budget, metavar="P", help="parameter budgets, like 1e4 or 10k")
    add("--bandlimits", nargs="+", type=float, metavar="B", help="0.1 to 0.9")
    add("--seeds", nargs="+", type=whole_number, metavar="S", help="of initial values and batches, and of the signal")
    add(
        "--signal-seeds",
        nargs="+",
        type=whole_number,
        metavar="S",
        help="of the signal and its noise, each with every one of --seeds (default: each seed draws its own signal)",
    )
    add("--steps", type=whole_number, help="passes over the signal")
    add("--length", type=whole_number, help="samples along the longest axis")
    add(
        "--device",
        help="cpu, cuda, cuda:1, or all: one worker per GPU (default: cuda where there is one; for a cluster, cpu or "
        "cuda must be given)",
    )
    add("--backend", help="an implementation that must run, like triton or torch (default: the fastest that works)")
    add(
        "--executor",
        choices=EXECUTORS,
        default="local",
        help="where trials run: on this machine, or on a cluster of Ray or Slurm, see docs/scaling.md (default: local)",
    )
    add(
        "--workers",
        type=positive,
        metavar="N",
        help=f"trials at once: processes here (default: {WORKERS}), tasks in Ray, jobs in Slurm (default: as many as "
        "there is room for)",
    )
    add(
        "--slurm",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="what jobs ask of Slurm, by submitit's names, like slurm_partition=gpu timeout_min=600 mem_gb=32",
    )
    add("--precision", choices=PRECISIONS, help="default: each model's own on CUDA, fp32 elsewhere")
    add("--out", type=given_path, default=DEFAULT_OUT, help=f"results folder (default: {DEFAULT_OUT})")
    add("--config", default=DEFAULT_CONFIG, help="settings file (default: hyperparameters.json)")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH=VALUE",
        help="change settings, like Siren.lr=3e-5 Siren.omega=30",
    )
    add("--save-model", action="store_true", help="leave every fitted model as a .safetensors file beside its row")
    add(
        "--bits",
        nargs="+",
        type=bits_a_value,
        default=[],
        metavar="B",
        help="also compress every fitted model to so many bits a value, and store bytes and scores in its rows",
    )
    add("--no-figures", action="store_true", help="draw no figures and write no page")
    add(
        "--quantised-share",
        type=share,
        default=0.0,
        metavar="S",
        help="with --bits: for each number of bits, so many of the last passes (such as 0.2 of all) are made once more "
        "with quantised values, and what is better after rounding is compressed (default: 0, none)",
    )
    add("--list", action="store_true", help="name the models, signals, tasks and presets, and stop")
    add("--dry-run", action="store_true", help="print the plan and its estimated cost, and stop")
    add("--force", action="store_true", help="run trials again that have rows")
    options, others = parser.parse_known_args(arguments)
    if others:
        path = options.signal is None and not any(text.startswith("-") for text in others)
        hint = f" (did you mean --signal {shlex.join(others)}?)" if path else ""
        parser.error(f"unrecognized arguments: {' '.join(others)}{hint}")
    return options


def command_of(options: argparse.Namespace, changes: Mapping[str, Any]) -> str:
    """A command line for a shell in this folder: run.py with these options, some of them changed, without --force."""
    plain = vars(parse([]))
    wanted = {**vars(options), "force": False, **changes}
    words = words_of({name: value for name, value in wanted.items() if value != plain[name]})
    python = "python" if shutil.which("python") == sys.executable else sys.executable
    here, script = Path.cwd(), ROOT / "run.py"
    return shlex.join([python, str(script.relative_to(here) if script.is_relative_to(here) else script), *words])


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Options by their long names as the words of a command line; None leaves one out, True gives a bare flag.

    A list gives all values of an option at once; an empty one leaves it out.
    """
    words: list[str] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, list | tuple):
            words += [option, *map(str, value)] if value else []
        elif value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, str(value)]
    return words
