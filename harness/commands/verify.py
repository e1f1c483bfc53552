"""`python -m harness verify`: run chosen trials again, and compare what they give with their rows.

On the CPU with the row's own processor, threads, versions, commit and back end the numbers must agree bit for
bit: every score, the curve and the residual. Elsewhere PSNR must agree within --tolerance.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from common.errors import UsageError, suggest
from harness.analysis.selection import few
from harness.commands.selected_rows import add_selection, choose_experiments, choose_models, gather_rows
from harness.execution.option_types import positive
from harness.execution.shared_options import add_config, add_device, add_out
from harness.plan.config import Protocol, load_config
from harness.store.scan import Stored
from harness.store.store import parse_row, store_of

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
    """The exit code, 0: every chosen row was given again; 1: some were not, or cannot be."""
    if not 0 <= options.tolerance <= MOST_TOLERANCE:
        raise UsageError(f"--tolerance takes decibels from 0 to {MOST_TOLERANCE:g}, got {options.tolerance:g}")
    import target_signals  # torch takes seconds to import: a mistyped option does not wait for it
    from harness.commands import repeat
    from harness.execution import launch
    from harness.train import machine
    from target_signals.tasks.base import expand_tasks

    config = load_config(options.config)
    if options.models is not None:
        options.models = [tuple(launch.choose_models(config, [word])) for word in options.models]
    options.signal = names_in(options.signal, target_signals.registry.load_file)
    options.task = names_in(options.task, lambda path: expand_tasks([path]))
    chosen = selected(options, config.protocol)
    return repeat.report(chosen, config, machine.choose_device(options.device), options.tolerance, options.file)


def names_in(text: str | None, load_file: Callable[[str], list[str]]) -> tuple[str, ...] | None:
    """The names that an option leaves: the one given, or those of the file at the path given; None for all."""
    return None if text is None else tuple(load_file(text)) if text.endswith(".py") else (text,)


def named(words: Sequence[str], out: str) -> list[Stored]:
    """The rows that words of the command line mean: paths of row files, and parts of the names of rows of a folder. A
    row that several words mean is there once."""
    chosen: list[Stored] = []
    rows = [] if all(is_row_file(word) for word in words) else gather_rows(out)
    for word in words:
        if is_row_file(word):
            chosen.append(of_file(word))
            continue
        found = [one for one in rows if word in one.name]
        if not found and word.endswith(".py"):
            raise UsageError(f"'{word}' is no row; a model of your own is chosen with --models {word}")
        if not found:
            hint = suggest(word, [one.key for one in rows])
            raise UsageError(
                f"no row of '{out}' has '{word}' in its name{hint}; give a part of one, or a row's .json file"
            )
        chosen += found
    return list({one.store.row_path(one.key).resolve(): one for one in chosen}.values())


def is_row_file(word: str) -> bool:
    """Whether a word of the command line is the path of a row, and not a part of names."""
    return Path(word).suffix == ".json"


def of_file(word: str) -> Stored:
    """The row in a file."""
    path = Path(word)
    try:
        return Stored(store_of(path), path.stem, parse_row(path))
    except (ValueError, OSError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UsageError(f"'{word}' cannot be read as a row: {cause}; name a file in a rows folder") from error


def selected(options: argparse.Namespace, protocol: Protocol) -> list[Stored]:
    """The rows that the options leave of those that are named; where none are, at most --most of those that they leave
    of all: always the same, and never picked by score."""
    every = named(options.rows, options.out) if options.rows else gather_rows(options.out)
    asked = choose_experiments((one.row for one in every), options)
    left = {id(row) for row in choose_models(asked, options, protocol)}
    rows = [one for one in every if id(one.row) in left]
    if options.rows:
        return rows
    chosen = few(rows, options.most)
    if len(chosen) < len(rows):
        print(f"{len(chosen)} of {len(rows):,} rows, evenly spread; --most {len(rows)} takes all")
    return list(chosen)
