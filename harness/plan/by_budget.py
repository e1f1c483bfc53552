"""Settings whose values depend on the kind of data and the budget, as they stand in hyperparameters.json, and how a
value at one budget follows from those at others."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

from common.errors import UsageError
from common.typed_json import read


def resolve_tuned(settings: Any, kind: str, size: int, path: str) -> Any:
    """Replace every `{"tuned": {kind: {size: value}}}` by its value for this kind of data and budget.

    Budgets between the given ones interpolate log-log; beyond the ends the end value holds.
    """
    if isinstance(settings, dict):
        if set(settings) != {"tuned"}:
            return {key: resolve_tuned(value, kind, size, f"{path}.{key}") for key, value in settings.items()}
        table = read(dict[str, dict[str, float]], settings["tuned"], f"{path}.tuned")
        if not table.get(kind):
            raise UsageError(f"{path}.tuned: has no values for data of kind '{kind}'; has {', '.join(table)}")
        return log_log(_by_budget(table[kind], f"{path}.tuned.{kind}"), size)
    return settings


def _by_budget(values: dict[str, float], path: str) -> list[tuple[float, float]]:
    try:
        known = [(float(budget), value) for budget, value in values.items()]
    except ValueError as error:
        raise UsageError(f"{path}: budgets must be numbers, got {', '.join(values)}") from error
    if not all(0 < budget < math.inf and value > 0 for budget, value in known):
        raise UsageError(f"{path}: budgets and values must be positive and finite, got {values}")
    return known


def log_log(values: Iterable[tuple[float, float]], size: float) -> float:
    """The value at a size, from pairs of sizes and values, log-log between them; beyond the ends the end value."""
    known = sorted(values)
    if size <= known[0][0]:
        return known[0][1]
    for (low, at_low), (high, at_high) in itertools.pairwise(known):
        if size == high:
            return at_high
        if size < high:
            share = math.log(size / low) / math.log(high / low)
            return math.exp((1 - share) * math.log(at_low) + share * math.log(at_high))
    return known[-1][1]
