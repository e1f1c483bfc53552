"""The rows of a results folder: as a list, and for people as one pandas table. Imports no torch."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from common.errors import Notice
from common.process import without_collection
from harness.store.names import Name
from harness.store.parquet import read_folder, read_rows
from harness.store.schema import NAMES, Row, names
from harness.store.store import DEFAULT_OUT, parse_row, stores_in

if TYPE_CHECKING:
    import pandas as pd

NOTHING: Mapping[Name, Row] = MappingProxyType({})


def load(root: str | Path = DEFAULT_OUT, folder: str = "*") -> "pd.DataFrame":
    """Every row under a results folder, or under one experiment's folder in it, as one table.

    Unreadable rows are left out with a warning that names them; running their trial again replaces them.
    root: may also be a Parquet file of rows, or a folder that holds such files alone, like `reference`. Where there is
    none of these, the table is empty. folder: a name or a pattern.
    """
    path = Path(root)
    if path.suffix == ".parquet":
        return to_table(read_rows(path).values())
    return to_table(load_rows(path, folder) or read_folder(path).values())


@without_collection()
def load_rows(root: str | Path, folder: str = "*", held: Mapping[Name, Row] = NOTHING) -> list[Row]:
    """The rows of `load`, oldest first. held: rows that were read already, which are not read again."""
    found = []
    for store in stores_in(root, folder):
        for key in store.row_keys():
            path = store.row_path(key)
            try:
                found.append(held.get((store.folder.name, key)) or parse_row(path))
            except FileNotFoundError:  # another run set it aside between listing and reading
                continue
            except (ValueError, OSError) as error:
                warnings.warn(f"'{path}' is not a row ({error}); left out", Notice, stacklevel=2)
    return oldest_first(found)


def oldest_first(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["started"])


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
