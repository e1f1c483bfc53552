"""The options of `python -m harness tune`, read by itself and again by each of its workers. Imports no torch."""

import argparse
from collections.abc import Sequence

from common.parser import Parser
from harness.execution.option_types import given_path, positive, whole_number
from harness.execution.shared_options import add_launch, add_minutes
from harness.plan.tuned import KINDS
from target_signals.development import SEED

VERB = "tune"
DEFAULT_OUT = "tuning"  # apart from the experiments' rows, as a table would hold the last trial of a cell for its own
TRIALS = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kinds", nargs="+", metavar="KIND", help=f"of data, some of {', '.join(KINDS)} (default: all)")
    add("--preset", help="extent of a trial, and the budgets (default: paper with a CUDA device, otherwise quick)")
    add_launch(parser)
    add("--trials", type=positive, default=TRIALS, metavar="N", help="settings of each model (default: %(default)s)")
    add(
        "--search-seeds",
        nargs="+",
        type=whole_number,
        default=[0],
        metavar="S",
        help="searches; --write takes the first",
    )
    add_minutes(parser)
    add("--write", action="store_true", help="write what was found to tuned.json, for the preset that reads it")
    add("--dry-run", action="store_true", help="print the searches and their estimated cost, and stop")
    add(
        "--out",
        type=given_path,
        default=DEFAULT_OUT,
        help="folder of the trials' rows, apart from the experiments' (default: %(default)s)",
    )
    add("--set", nargs="+", action="extend", default=[], metavar="PATH=VALUE", help="change settings of trial 0")
    parser.set_defaults(seeds=[SEED], signal_seeds=[SEED], bandlimits=None, save_model=False, bits=[])


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog=f"python -m harness {VERB}")
    add_arguments(parser)
    return parser.parse_args(words)
