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
from harness.execution.option_types import bits_a_value, share, whole_number
from harness.execution.shared_options import add_launch, add_out


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
    add("--bandlimits", nargs="+", type=float, metavar="B", help="0.1 to 0.9")
    add("--seeds", nargs="+", type=whole_number, metavar="S", help="of initial values and batches, and of the signal")
    add(
        "--signal-seeds",
        nargs="+",
        type=whole_number,
        metavar="S",
        help="of the signal and its noise, each with every one of --seeds (default: each seed draws its own signal)",
    )
    add_launch(parser)
    add_out(parser)
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
    add(
        "--quantised-share",
        type=share,
        default=0.0,
        metavar="S",
        help="with --bits: for each number of bits, so many of the last passes (such as 0.2 of all) are made once more "
        "with quantised values, and what is better after rounding is compressed (default: 0, none)",
    )
    add("--no-figures", action="store_true", help="draw no figures and write no page")
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

    A list gives all values of an option at once; an empty one leaves it out. A single value that begins with a dash
    stands behind =, as it would be taken for an option.
    """
    words: list[str] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            values = [str(one) for one in (value if isinstance(value, list | tuple) else [value])]
            if len(values) == 1 and values[0].startswith("-"):
                words.append(f"{option}={values[0]}")
            elif values:
                words += [option, *values]
    return words
