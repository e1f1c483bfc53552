"""The rows that a command line asks for, and what is said where there are none."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.errors import UsageError, suggest
from harness.store.schema import Row


def no_rows(out: str | Path, of: str = "") -> UsageError:
    """What to raise of a results folder without rows. of: which ones were looked for, like ` of Star`."""
    return UsageError(f"no rows{of} in '{out}'; run a launcher first, for example bash run_2dsierpinski.sh")


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """The rows with these values of columns, in their order. UsageError for a value that none of them has.

    wanted: of a column its value, or a list of values, of which every one is there; None stands for any.
    """
    chosen = list(rows)
    for column, value in wanted.items():
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        there = dict.fromkeys(row[column] for row in chosen)
        for absent in (one for one in values if one not in there):
            known = list(map(str, there))
            raise UsageError(
                f"no rows of {column} '{absent}'{suggest(str(absent), known)}; there are: {', '.join(known)}"
            )
        chosen = [row for row in chosen if row[column] in values]
    return chosen
