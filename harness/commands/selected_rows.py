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
    """The rows with these values of columns, in their order; None stands for any. UsageError where there are none."""
    chosen = list(rows)
    for column, value in wanted.items():
        if value is None:
            continue
        known = sorted({str(row[column]) for row in chosen})
        chosen = [row for row in chosen if row[column] == value]
        if not chosen:
            raise UsageError(
                f"no rows of {column} '{value}'{suggest(str(value), known)}; there are: {', '.join(known)}"
            )
    return chosen
