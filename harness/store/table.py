"""Rows as one pandas table. Imports no torch."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.store.names import Name
from harness.store.schema import NAMES, Row, names
from harness.store.store import DEFAULT_OUT, parse_row

if TYPE_CHECKING:
    import pandas as pd

NOTHING: Mapping[Name, Row] = MappingProxyType({})


def load(root: str | Path = DEFAULT_OUT, folder: str = "*", held: Mapping[Name, Row] = NOTHING) -> "pd.DataFrame":
    """Every row under a results folder, or under one experiment's folder in it, as one table.

    Unreadable rows are left out with a warning that names them; running their trial again replaces them.
    folder: a name or a pattern. held: rows that were read already, which are not read again.
    """
    rows = []
    for path in sorted(Path(root).glob(f"{folder}/rows/*.json")):
        try:
            row = held.get((path.parent.parent.name, path.stem))
            rows.append(parse_row(path) if row is None else row)
        except ValueError as error:
            warnings.warn(f"'{path}' is not a row ({error}); left out", stacklevel=2)
    return to_table(rows)


def to_table(rows: Iterable[Row | None]) -> "pd.DataFrame":
    """Rows as one table with the schema's columns and types, oldest first.

    A missing number is NaN, which makes whole numbers beside it floats; texts are as pandas keeps them.
    """
    import pandas as pd

    table = pd.DataFrame([row for row in rows if row is not None], columns=list(NAMES))
    for name in names(kind="number"):
        table[name] = table[name].astype(float)
    for name in names(kind="whole"):
        table[name] = table[name].astype(float if table[name].hasnans else int)
    return table.sort_values("started", kind="stable", ignore_index=True)


def records(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows of a table as dictionaries, column by column, which takes a fraction of the time of pandas' `to_dict`.

    Numbers are Python's own, and what is missing stays as the table has it.
    """
    header = [str(name) for name in table.columns]
    columns = [table[name].tolist() for name in header]
    return [dict(zip(header, values, strict=True)) for values in zip(*columns, strict=True)]
