"""A model's settings, read from JSON into its `Config`: the numbers that none may have, and rules of several models."""

import dataclasses
from typing import Any

from common.errors import UsageError
from common.typed_json import read

MOST = 1 << 16  # the greatest whole number
TINY, HUGE = 2.0**-126, (2 - 2.0**-23) * 2.0**127  # the least and the greatest normal number of 32 bits
LEAST = {int: 1, float: 0}  # of settings without a default, as shipped models have them


def read_settings(config: Any, data: Any, path: str) -> Any:
    """A model's `Config`, as `common.typed_json.read` builds it. Raises UsageError that names `path` and the setting.

    Whole numbers say how often something is made, or how long it is, so a huge one, be it a slip or a stranger's, would
    hang whoever constructs the model. Other numbers are such as a model's values, of 32 bits, can be. A learning rate
    is more than 0, and what has no default is at least what LEAST says.
    """
    settings = read(config, data, path)
    _check_numbers(dataclasses.asdict(settings), path)
    _check_least(settings, path)
    return settings


def _check_least(settings: Any, path: str) -> None:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name == "lr" and value is not None and value <= 0:
            raise UsageError(f"{path}.lr: must be more than 0, got {value}")
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


# Rules that several models have, for their `Config.__post_init__`


def check_range(name: str, limits: tuple[float, float]) -> None:
    """ValueError that names a setting, unless it is the least value and the greatest of a range."""
    if limits[0] > limits[1]:
        raise ValueError(f"{name}: must be the least value and the greatest, got {limits}")


def check_counts(name: str, counts: tuple[int, ...]) -> None:
    """ValueError that names a setting, unless it is some whole numbers of at least 1."""
    if not counts or min(counts) < 1:
        raise ValueError(f"{name}: must be some whole numbers of at least 1, got {counts}")


def check_part(name: str, part: float) -> None:
    """ValueError that names a setting, unless it is a part of a whole, or all of it."""
    if not 0 < part <= 1:
        raise ValueError(f"{name}: must be more than 0 and at most 1, got {part}")
