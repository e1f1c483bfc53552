"""A row as it is read from a file and checked: rows come from other people and other versions."""

import json
import math
from collections.abc import Mapping
from typing import Any

from harness.store.schema import COLUMNS, RATE, WORDS, Kind, Row, names

MOST_BYTES = 1 << 25  # of a row: a curve of 100 000 evaluations has a third of it
GREATEST = 1e300  # sums and means of what is smaller stay finite
LIMIT = 1 << 63


def check(row: Row) -> None:
    """ValueError for a value of a type that its column never has.

    What no terminal can print of a text is replaced; a whole number that JSON gives as 3.0 becomes 3.
    """
    for column in COLUMNS:
        value = row[column.name]
        if value is None and column.null:
            continue
        if not _fits(value, column.kind):
            raise ValueError(f"'{column.name}' is no {WORDS[column.kind]}")
        if isinstance(value, str) and not value.isprintable():
            row[column.name] = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
        elif column.kind == "whole":
            row[column.name] = int(value)


def _fits(value: Any, kind: Kind) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "number":
            return _is_number(value)
        case "whole":
            return _is_whole(value)
        case "wholes":
            return isinstance(value, list) and all(map(_is_whole, value))
        case "numbers":
            return isinstance(value, list) and all(v is None or _is_number(v) for v in value)
        case "curve":
            return isinstance(value, list) and all(map(_is_point, value))
        case "rates":
            return isinstance(value, list) and all(map(_is_rate, value))
        case "object":
            return True  # objects differ from row to row, and whoever uses one checks it


def _is_point(value: Any) -> bool:
    if not isinstance(value, dict) or not _is_whole(value.get("step")):
        return False
    return all(v is None or _is_number(v) for v in value.values())


def _is_rate(value: Any) -> bool:
    if not isinstance(value, dict) or not set(RATE[:-1]) <= set(value) <= set(RATE):
        return False
    return all(map(_is_whole, (value["bits"], value["bytes"], value.get(RATE[-1]) or 0))) and all(
        v is None or _is_number(v) for v in value.values()
    )


def _is_number(value: Any) -> bool:
    """What JSON gives for a number; True and False are none, nor is what 64 bits cannot hold."""
    return (type(value) is float and -GREATEST < value < GREATEST) or (type(value) is int and -LIMIT < value < LIMIT)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and 0 <= value == int(value) < LIMIT


def parse_text(text: bytes) -> Row:
    """What a row file holds. Raises ValueError when it is not a whole row.

    A row of another version may lack columns, which are null or another column's, and have others, which are passed
    over.
    """
    try:
        row = json.loads(text)
        if b"\\u" in text:  # halves of surrogate pairs, which no file and no terminal takes, come as escapes alone
            row = json.loads(json.dumps(row, ensure_ascii=False).encode(errors="replace"))
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    if not isinstance(row, dict):
        raise ValueError("it holds no JSON object")
    return whole_row(row)


def whole_row(row: Row) -> Row:
    """What was read of a row, with every column of the schema; ValueError when it is not a whole row."""
    absent = [name for name in names(needed=True) if name not in row]
    if absent:
        raise ValueError(f"it lacks {', '.join(absent)}")
    row = {column.name: row.get(column.name, row.get(column.otherwise)) for column in COLUMNS}
    check(row)
    return row


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value
