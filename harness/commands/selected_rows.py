"""The rows that a command line asks for, and what is said where there are none."""

import argparse
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import join
from typing import Any

from common.errors import UsageError, suggest
from harness.execution.option_types import budget
from harness.plan.config import Protocol
from harness.store.scan import Stored, gather
from harness.store.schema import Row


def add_selection(parser: argparse.ArgumentParser, files: str = "") -> None:
    """The options that choose rows: `choose_experiments` takes the first four, `choose_models` the last two.

    files: what is said of the path of a file in place of the name that it registers.
    """
    add = parser.add_argument
    add("--signal", help=f"only this signal{files}")
    add("--dim", type=int, help="only signals of this dimension")
    add("--task", help=f"only this task{files}")
    add("--preset", help="only this preset")
    add("--models", nargs="+", metavar="MODEL", help=f"only these models, or the group 'all' or 'newer'{files}")
    add("--sizes", nargs="+", type=budget, metavar="P", help="only these parameter budgets, like 1e4 or 10k")


def add_own(parser: argparse.ArgumentParser) -> None:
    help_text = "only what the results folder has, without the reference results (docs/submitting.md)"
    parser.add_argument("--own", action="store_true", help=help_text)


def choose_experiments(rows: Iterable[Row], options: argparse.Namespace, against: str | None = None) -> list[Row]:
    """The rows of the signal, dimension, task and preset that were asked for. UsageError where one has none.

    against: another preset that is wanted beside the one that was asked for.
    """
    presets = None if options.preset is None else [options.preset] if against is None else [options.preset, against]
    return select(rows, signal=options.signal, dim=options.dim, task=options.task, preset=presets)


def choose_models(rows: Sequence[Row], options: argparse.Namespace, protocol: Protocol) -> list[Row]:
    """The rows of the models and budgets that were asked for. UsageError where one has none.

    In `options.models` the name of a group gives way to those of its models that have rows.
    """
    if options.models is not None:
        options.models = protocol.without_groups(options.models, dict.fromkeys(row["model"] for row in rows))
    return select(rows, model=options.models, size=options.sizes)


def gather_rows(out: str | Path, curves: bool = True) -> list[Stored]:
    """What `gather` finds in a results folder; what cannot be read is said. UsageError where there are no rows."""
    found = gather(out, curves)
    found.say_problems()
    if not found.stored:
        raise no_rows(out)
    return found.stored


def no_rows(out: str | Path, of: str = "") -> UsageError:
    """What to raise of a results folder without rows. of: which ones were looked for, like ` of Star`."""
    if files := sorted(map(str, Path(out).glob("*.parquet"))):
        merge = f"python -m harness merge {join(files)} --out FOLDER"
        return UsageError(f"'{out}' has Parquet files alone, for `table` and `load`; make a results folder: {merge}")
    return UsageError(f"no rows{of} in '{out}'; run a launcher first, for example bash run_2dsierpinski.sh")


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """The rows with these values of columns, in their order. UsageError for a value that none of them has.

    wanted: of a column its value, or a list of values, of which every one is there; None stands for any. A tuple, as of
    the names of a group, stands for those of its values that are there, at least one.
    """
    chosen = list(rows)
    for column, value in wanted.items():
        if value is None:
            continue
        asked = [one if isinstance(one, tuple) else (one,) for one in (value if isinstance(value, list) else [value])]
        there = dict.fromkeys(row[column] for row in chosen)
        for absent in (any_of for any_of in asked if there.keys().isdisjoint(any_of)):
            known, first = list(map(str, there)), str(absent[0])
            names = f"'{first}'{suggest(first, known)}" if len(absent) == 1 else ", ".join(map(str, absent))
            raise UsageError(f"no rows of {column} {names}; there are: {', '.join(known)}")
        values = set(itertools.chain(*asked))
        chosen = [row for row in chosen if row[column] in values]
    return chosen
