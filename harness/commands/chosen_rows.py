"""The rows that `python -m harness verify` repeats: those that its command line names, or some of all."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from common.errors import UsageError, suggest
from harness.analysis.selection import few
from harness.commands.selected_rows import choose_experiments, choose_models, no_rows
from harness.store.schema import Row
from harness.store.store import Store, parse_row, store_of


class Chosen(NamedTuple):
    """A stored row, and where it lies."""

    store: Store
    key: str
    row: Row


def named(words: Sequence[str], out: str) -> list[Chosen]:
    """The rows that words of the command line mean: paths of row files, and parts of the names of rows of a folder. A
    row that several words mean is there once."""
    chosen: list[Chosen] = []
    rows = [] if all(is_row_file(word) for word in words) else stored(out)
    for word in words:
        if is_row_file(word):
            chosen.append(of_file(word))
            continue
        found = [one for one in rows if word in f"{one.store.folder.name}/{one.key}"]
        if not found and word.endswith(".py"):
            raise UsageError(f"'{word}' is no row; a model of your own is chosen with --models {word}")
        if not found:
            raise UsageError(f"no row of '{out}' has '{word}' in its name{suggest(word, [one.key for one in rows])}")
        chosen += found
    return list({one.store.row_path(one.key).resolve(): one for one in chosen}.values())


def is_row_file(word: str) -> bool:
    """Whether a word of the command line is the path of a row, and not a part of names."""
    return Path(word).suffix == ".json"


def of_file(word: str) -> Chosen:
    """The row in a file."""
    path = Path(word)
    try:
        return Chosen(store_of(path), path.stem, parse_row(path))
    except (ValueError, OSError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UsageError(f"'{word}' cannot be read as a row: {cause}; name a file in a rows folder") from error


def selected(options: argparse.Namespace) -> list[Chosen]:
    """At most --most of the rows that the options leave: always the same, and never picked by score."""
    every = stored(options.out)
    left = {id(row) for row in choose_models(choose_experiments((one.row for one in every), options), options)}
    rows = [one for one in every if id(one.row) in left]
    chosen = few(rows, options.most)
    if len(chosen) < len(rows):
        print(f"{len(chosen)} of {len(rows):,} rows, evenly spread; --most {len(rows)} takes all")
    return list(chosen)


def stored(out: str) -> list[Chosen]:
    """The rows of a results folder; what cannot be read is said."""
    from harness.store.scan import gather

    found = gather(out)
    found.say_problems()
    if not found.stored:
        raise no_rows(out)
    return [Chosen(Store(out, one.folder), one.key, one.row) for one in found.stored]
