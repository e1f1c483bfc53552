"""A strict reader: JSON values → typed values and frozen dataclasses, every error naming its path."""

import dataclasses
import json
import sys
import types
import typing
from typing import Any, Literal

from common.errors import UsageError, suggest

MOST = 1 << 16  # entries of a list, and the greatest whole number in a model's settings
TINY, HUGE = 2.0**-126, (2 - 2.0**-23) * 2.0**127  # the least and the greatest normal number of 32 bits
LEAST = {int: 1, float: 0}  # of a model's settings without a default


def read(kind: Any, data: Any, path: str) -> Any:
    """Check `data`, as json.load gives it, against a type, and build it; `path` names the place in messages.

    Takes int (also 1e4), float, str, bool, Literal, X | None, tuple, dict[str, X], Any and
    dataclasses of these.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return data
    if origin in (types.UnionType, typing.Union):
        if data is None and type(None) in arguments:
            return None
        (kind,) = [a for a in arguments if a is not type(None)]
        return read(kind, data, path)
    if origin is Literal:
        if data not in arguments:
            raise UsageError(f"{path}: {data!r} is not allowed; choose from {', '.join(map(repr, arguments))}")
        return data
    if origin is tuple:
        if not isinstance(data, list):
            raise UsageError(f"{path}: expected a list, got {kind_of(data)}")
        if len(data) > MOST:
            raise UsageError(f"{path}: lists have up to {MOST:,} entries, got {len(data):,}")
        kinds = [arguments[0]] * len(data) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(data):
            raise UsageError(f"{path}: expected {len(kinds)} entries, got {len(data)}")
        return tuple(read(k, value, f"{path}[{i}]") for i, (k, value) in enumerate(zip(kinds, data, strict=True)))
    if origin is dict:
        if not isinstance(data, dict):
            raise UsageError(f"{path}: expected an object, got {kind_of(data)}")
        return {key: read(arguments[1], value, f"{path}.{key}") for key, value in data.items()}
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, data, path)
    return _read_scalar(kind, data, path)


def read_settings(kind: Any, data: Any, path: str) -> Any:
    """A model's `Config`, as `read` builds it. Its whole numbers say how often something is made, or how long it is,
    so a huge one, be it a slip or a stranger's, would hang whoever constructs the model. Its other numbers are such as
    its values, of 32 bits, can be."""
    settings = read(kind, data, path)
    _check_numbers(dataclasses.asdict(settings), path)
    return settings


def check_least(settings: Any, path: str) -> None:
    """UsageError for a model's settings without a default, as shipped models have them, that are less than any of
    theirs may be: numbers than 0, whole numbers than 1."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        least = LEAST.get(type(value))
        if least is not None and field.default is dataclasses.MISSING and value < least:
            raise UsageError(f"{path}.{field.name}: must be at least {least}, got {value}")


def _check_numbers(value: Any, path: str) -> None:
    if isinstance(value, float) and value != 0 and not TINY <= abs(value) <= HUGE:
        raise UsageError(f"{path}: a model's numbers are 0, or {TINY:.3g} to {HUGE:.3g} in size, got {value}")
    if isinstance(value, int) and abs(value) > MOST:
        raise UsageError(f"{path}: whole numbers go up to {MOST:,} in a model's settings, got {value}")
    if isinstance(value, list | tuple | dict):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _check_numbers(inner, f"{path}.{key}")


def _read_dataclass(kind: Any, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise UsageError(f"{path}: expected an object, got {kind_of(data)}")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in data:
        if key not in fields:
            raise UsageError(f"{path}: unknown key '{key}'{suggest(key, fields)}; known: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in data and field.default is field.default_factory is dataclasses.MISSING:
            raise UsageError(f"{path}: the key '{name}' is missing")
    hints = typing.get_type_hints(kind)
    values = {key: read(hints[key], value, f"{path}.{key}") for key, value in data.items()}
    try:
        return kind(**values)
    except ValueError as error:  # from __post_init__, which knows the rule but not the place
        raise UsageError(f"{path}.{error}") from error


def _read_scalar(kind: type, data: Any, path: str) -> Any:
    whole = isinstance(data, int) and not isinstance(data, bool)
    if kind is float and (whole or isinstance(data, float)) and abs(data) <= sys.float_info.max:
        return float(data)
    if kind is int and (whole or (isinstance(data, float) and data.is_integer())):
        return int(data)
    if kind in (str, bool) and isinstance(data, kind):
        return data
    names = {int: "a whole number", float: "a finite number", str: "a string", bool: "true or false"}
    raise UsageError(f"{path}: expected {names[kind]}, got {kind_of(data)}")


def kind_of(data: Any) -> str:
    """What a JSON value is, for messages: `an object`, `the string \"x\"`."""
    names = {dict: "an object", list: "a list", str: "the string", bool: "the value", type(None): "null"}
    name = names.get(type(data), "the number")
    return name if name in ("an object", "a list", "null") else f"{name} {json.dumps(data)}"
