"""A results folder as it stands: rows with their places, what could not be read, and what runs right now.

Without pandas and without torch, so that ten thousand rows take well under a second.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import UsageError, one_line
from common.files import read_bounded
from common.process import without_collection
from harness.store.liveness import read_claims
from harness.store.read_row import MOST_BYTES, parse_text
from harness.store.schema import Row
from harness.store.store import Store, stores_in


@dataclass(frozen=True)
class Stored:
    """One row, and where it lies or would lie."""

    store: Store
    key: str
    row: Row

    @property
    def name(self) -> str:
        """`folder/key`, as people and the page call it."""
        return f"{self.store.folder.name}/{self.key}"


@dataclass
class Gathered:
    """problems: one line for each file that is no row. running: what the holders of this folder's claims last said."""

    out: Path
    stored: list[Stored] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    running: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return [one.row for one in self.stored]

    def say_problems(self) -> None:
        """Print on standard error what is left out of whatever is made of the rows."""
        for problem in self.problems:
            print(f"note: left out {problem}", file=sys.stderr)


def results_folder(out: str | Path) -> Path:
    """A results folder to read; UsageError when there is no such folder."""
    if not (folder := Path(out)).is_dir():
        raise UsageError(f"no folder '{folder}'; give the results folder with --out, or run a launcher first")
    return folder


@without_collection()
def gather(out: str | Path, curves: bool = True) -> Gathered:
    """Read everything; UsageError when there is no such folder.

    curves: whether rows keep theirs, which are half of what there is to parse.
    """
    found = Gathered(results_folder(out))
    for store in stores_in(found.out):
        place = f"{store.folder.name}/rows"
        aside = "set aside by an earlier run, which repeats its trial"
        found.problems += [f"{place}/{path.name}: {aside}" for path in sorted(store.rows.glob("*.corrupt"))]
        for key in store.row_keys():
            try:
                text = read_bounded(store.row_path(key), MOST_BYTES)
                found.stored.append(Stored(store, key, parse_text(text if curves else without_curve(text))))
            except FileNotFoundError:  # a run may set a row aside between listing and reading
                continue
            except (ValueError, OSError) as error:
                found.problems.append(f"{place}/{key}.json: {one_line(error)}")
    found.running = read_claims(found.out)
    return found


def without_curve(text: bytes) -> bytes:
    """A row's file with null for its curve; unchanged when it is not laid out as the store writes it.

    There, a line break and one space stand before every key of the row and before the end of its lists,
    and nowhere else: JSON has no line breaks inside strings.
    """
    start = text.find(b'\n "curve": [\n')
    end = text.find(b"\n ]", start)
    return text if start < 0 or end < 0 else text[:start] + b'\n "curve": null' + text[end + 3 :]
