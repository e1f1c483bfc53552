"""Which rows a merge takes from results folders and from Parquet files of rows, and what it says of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from common.errors import one_line
from common.files import read_bounded
from harness.store.names import Name
from harness.store.parquet import read_rows
from harness.store.read_row import MOST_BYTES, parse_text
from harness.store.schema import OK, UNSUPPORTED, Row
from harness.store.store import Store, row_text, stores_in


@dataclass
class Tally:
    """What a merge did, and in words what it could not."""

    copied: int = 0
    there: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # rows by preset that have no file
    conflicts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Found(NamedTuple):
    """One row in one of the folders."""

    store: Path
    content: bytes
    row: Row


def is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def names(store: Path) -> Iterator[Name]:
    """Folder and key of every file that may be a row."""
    for one in stores_in(store):
        yield from ((one.folder.name, key) for key in one.row_keys())


def chosen(stores: Sequence[Path], tally: Tally) -> Iterator[tuple[Name, list[Found]]]:
    """Each name with its row: the best of the stores' first, then those that are equal to it."""
    files = {store: read_rows(store) for store in stores if is_parquet(store)}
    for name in sorted({name for store in stores for name in files.get(store, ()) or names(store)}):
        found = []
        for store in stores:
            if store in files:
                row = files[store].get(name)
                found += [] if row is None else [Found(store, row_text(row), row)]
            elif (one := read(store, *name, tally)) is not None:
                found.append(one)
        if not found:
            continue
        best = min(found, key=lambda one: rank(one.row))
        rest = [one for one in found if one.row != best.row]
        if rest:
            over = ", ".join(map(describe, rest))
            tally.conflicts.append(f"{'/'.join(name)}: kept {describe(best)}, not {over}")
        yield name, [best, *(one for one in found if one.row == best.row and one is not best)]


def rank(row: Row) -> tuple[int, str]:
    """The order in which rows of one name are preferred; less is better."""
    return (0 if row["status"] == OK else 1 if row["status"] == UNSUPPORTED else 2), row["started"]


def read(store: Path, folder: str, key: str, tally: Tally) -> Found | None:
    path = Store(store, folder).row_path(key)
    try:
        content = read_bounded(path, MOST_BYTES)
        return Found(store, content, parse_text(content))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        tally.problems.append(f"{path}: {one_line(error)}")
        return None


def describe(one: Found) -> str:
    score = one.row["psnr"]
    text = one.row["status"] if score is None else f"{one.row['status']} {score:.2f} dB"
    return f"{text} of {one.row['started']} in {one.store}"
