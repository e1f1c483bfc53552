"""Tables as Parquet, with the types of the schema: a column of nulls has its own, whatever rows there are."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from common.errors import UsageError
from harness.store.schema import COLUMNS, POINT, RATE, Kind

if TYPE_CHECKING:
    import pyarrow

MEANS: dict[str, Kind] = {"band": "number", "mean": "number", "spread": "number"}  # of a table of means; may be null
WHOLE = ("step", "bits", "bytes", "quantised_passes")  # numbers of a point or a rate
KINDS = {column.name: column.kind for column in COLUMNS} | MEANS


def to_parquet(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows, or the lines of a table of means. An object, whose names differ from row to row, is JSON text.

    UsageError where pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow: pip install -e '.[report]'") from error
    columns = {}
    for name in dict.fromkeys(name for record in records for name in record):
        kind = KINDS.get(name)
        values = [record.get(name) for record in records]
        columns[name] = pyarrow.array(values) if kind is None else _array(values, kind)
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer, compression="zstd", compression_level=15)
    return buffer.getvalue()


def _array(values: Sequence[Any], kind: Kind) -> "pyarrow.Array":
    import pyarrow as pa

    types: dict[Kind, pa.DataType] = {
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
