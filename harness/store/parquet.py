"""Tables as Parquet, with the types of the schema: a column of nulls has its own, whatever rows there are."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import LONGEST, UsageError, one_line, refusal
from common.files import read_bounded, write_atomically
from common.process import without_collection
from harness.store.names import Name, folder_of, key_of
from harness.store.read_row import whole_row
from harness.store.schema import COLUMNS, POINT, RATE, Kind, Row, names

MEANS: dict[str, Kind] = {  # columns that only tables of means, or of two presets, have, and that may be null
    **dict.fromkeys(("band", "mean", "spread", "signal_spread", "seed_spread", "low", "high"), "number"),
    **dict.fromkeys(("signals", "rank_before", "rank_after"), "whole"),
}
WHOLE = ("step", "bits", "bytes", "quantised_passes")  # numbers of a point or a rate
KINDS = {column.name: column.kind for column in COLUMNS} | MEANS
MOST_BYTES = 1 << 28  # of a file


def to_parquet(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows, or the lines of a table of means. An object, whose names differ from row to row, is JSON text.

    UsageError where pyarrow is not installed.
    """
    pyarrow, parquet = _pyarrow()
    columns = {}
    for name in dict.fromkeys(name for record in records for name in record):
        kind = KINDS.get(name)
        values = [record.get(name) for record in records]
        columns[name] = pyarrow.array(values) if kind is None else _array(values, kind)
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer, compression="zstd", compression_level=15)
    return buffer.getvalue()


def read_rows(path: Path, **equal: Any) -> dict[Name, Row]:
    """The rows of a Parquet file by their names, as they were before `to_parquet`; none where there is no file.

    equal: what columns must hold, like `dim=2`; other rows are left out. UsageError for a file that does not hold rows,
    or that cannot be read.
    """
    pyarrow, parquet = _pyarrow()
    try:
        content = io.BytesIO(read_bounded(path, MOST_BYTES))
        # Without threads of its own: now and then pyarrow aborts a process that ends while they live, its work done
        # (github.com/apache/arrow/issues/34314). Its own filters import pandas, which takes longer than all the rest.
        table = parquet.ParquetFile(content, pre_buffer=False).read(use_threads=False)
        columns = [(table[name].to_pylist(), value) for name, value in equal.items()]
        places = [i for i in range(len(table)) if all(column[i] == value for column, value in columns)]
        start, stop = (places[0], places[-1] + 1) if places else (0, 0)
        records = table.slice(start, stop - start).to_pylist()  # rows of one experiment follow one another
        rows = [whole_row(_untyped(records[i - start])) for i in places]
        return {(folder_of(row), key_of(row)): row for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pyarrow.ArrowException) as error:
        what = f"cannot read rows from '{path}': {one_line(error)[:LONGEST]}"
        raise UsageError(f"{what}; it is damaged, or no Parquet file of rows") from error


@without_collection()
def read_folder(folder: Path) -> dict[Name, Row]:
    """The rows of a folder's Parquet files, like those of the reference; none without files. UsageError for a file that
    does not hold rows."""
    return {name: row for path in sorted(folder.glob("*.parquet")) for name, row in read_rows(path).items()}


def write_rows(path: Path, rows: Mapping[Name, Row]) -> None:
    """Write the file, in the order of the rows' names. Raises `refusal` where that cannot be done."""
    content = to_parquet([rows[name] for name in sorted(rows)])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise refusal(f"cannot write '{path}'", error, "choose another place with --out") from error


def _untyped(record: dict[str, Any]) -> Row:
    """A row as JSON has it: what `_typed` made text is an object again."""
    objects = {name: record.get(name) for name in names(kind="object")}
    return record | {name: None if text is None else json.loads(text) for name, text in objects.items()}


def _pyarrow() -> tuple[Any, Any]:
    """The library and its part for files. UsageError where it is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow: pip install pyarrow") from error
    return pyarrow, parquet


def _array(values: Sequence[Any], kind: Kind) -> Any:
    pa, _ = _pyarrow()
    types: dict[Kind, Any] = {
        "text": pa.string(),
        "number": pa.float64(),
        "whole": pa.int64(),
        "wholes": pa.list_(pa.int64()),
        "numbers": pa.list_(pa.float64()),
        "curve": pa.list_(pa.struct([(name, pa.int64() if name in WHOLE else pa.float64()) for name in POINT])),
        "rates": pa.list_(pa.struct([(name, pa.int64() if name in WHOLE else pa.float64()) for name in RATE])),
        "object": pa.string(),
    }
    return pa.array([_typed(value, kind) for value in values], types[kind])


def _typed(value: Any, kind: Kind) -> Any:
    """A value as its column has it: JSON knows one kind of number, so a row may say 2 for 2.0 and 2.0 for 2."""
    match kind:
        case _ if value is None:
            return None
        case "number":
            return float(value)
        case "whole":
            return int(value)
        case "wholes":
            return [_typed(v, "whole") for v in value]
        case "numbers":
            return [_typed(v, "number") for v in value]
        case "curve" | "rates":
            columns = POINT if kind == "curve" else RATE
            kinds: dict[str, Kind] = {name: "whole" if name in WHOLE else "number" for name in columns}
            return [{name: _typed(entry.get(name), of) for name, of in kinds.items()} for entry in value]
        case "object":
            return json.dumps(value)
    return value
