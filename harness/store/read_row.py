"""A row as it is read from a file and checked: rows come from other people and other versions."""

import json
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from common.words import printable
from harness.store.schema import COLUMNS, NAMES, RATE, WORDS, Kind, Row, names

MOST_BYTES = 1 << 25  # of a row: a curve of 100 000 evaluations has a third of it
GREATEST = 1e300  # sums and means of what is smaller stay finite
LIMIT = 1 << 63


def check(row: Row) -> None:
    """ValueError for a value of a type that its column never has.

    What no terminal can print of a text is replaced; a whole number that JSON gives as 3.0 becomes 3.
    """
    for name, kind, null, fits in CHECKS:
        value = row[name]
        if value is None and null:
            continue
        if not fits(value):
            raise ValueError(f"'{name}' is no {WORDS[kind]}")
        if kind == "whole":
            row[name] = int(value)
        elif isinstance(value, str) and not value.isprintable():
            row[name] = printable(value)


def _is_number(value: Any) -> bool:
    """What JSON gives for a number; True and False are none, nor is what 64 bits cannot hold."""
    return (type(value) is float and -GREATEST < value < GREATEST) or (type(value) is int and -LIMIT < value < LIMIT)


def _is_whole(value: Any) -> bool:
    return (type(value) is int or (type(value) is float and value.is_integer())) and 0 <= value < LIMIT


def _are_numbers(values: Iterable[Any]) -> bool:
    """Whether each is a number or null."""
    return all(value is None or _is_number(value) for value in values)


def _is_curve(value: Any) -> bool:
    """Whether it is a list of points. Of a row it has most of the numbers, so they are looked at together."""
    if not isinstance(value, list) or not all(isinstance(point, dict) for point in value):
        return False
    steps = [point.get("step") for point in value]
    return all(map(_is_whole, steps)) and _are_numbers(chain.from_iterable(map(dict.values, value)))


def _is_rate(value: Any) -> bool:
    if not isinstance(value, dict) or not set(RATE[:-1]) <= set(value) <= set(RATE):
        return False
    wholes = (value["bits"], value["bytes"], value.get(RATE[-1]) or 0)
    return all(map(_is_whole, wholes)) and _are_numbers(value.values())


FITS: dict[Kind, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "whole": _is_whole,
    "wholes": lambda value: isinstance(value, list) and all(map(_is_whole, value)),
    "numbers": lambda value: isinstance(value, list) and _are_numbers(value),
    "curve": _is_curve,
    "rates": lambda value: isinstance(value, list) and all(map(_is_rate, value)),
    "object": lambda value: True,  # objects differ from row to row, and whoever uses one checks it
}
CHECKS = tuple((column.name, column.kind, column.null, FITS[column.kind]) for column in COLUMNS)


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
    if (*row,) == NAMES:
        row = dict(zip(NAMES, row.values(), strict=True))  # names of their own would be most of what rows take
    else:  # of another version, or in another order
        row = {column.name: row.get(column.name, row.get(column.otherwise)) for column in COLUMNS}
    check(row)
    return row
