"""Mean scores of an experiment's runs by some of their keys, with the spread over draws and what did not end well."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from common.words import budget_text
from harness.analysis.experiments import Cell, Experiment
from harness.store.schema import OK, UNSUPPORTED, Row

KEYS: dict[str, Callable[[Cell], Any]] = {
    "model": lambda cell: cell.model,
    "size": lambda cell: cell.size,
    "band": lambda cell: cell.band,
    "item": lambda cell: cell.item,
    "seed": lambda cell: cell.seed,
}
COUNTS = ("ok", "failed", "unsupported", "missing")


class Line(NamedTuple):
    """The runs of one experiment that agree in some keys.

    mean: over bands and budgets of the mean over draws, which are items and seeds.
    spread: the draws' standard deviation within a band and budget, pooled; NaN without two draws.
    """

    experiment: Experiment
    keys: tuple[Any, ...]
    mean: float
    spread: float
    seeds: int
    items: int
    counts: tuple[int, ...]  # as COUNTS


def aggregate(experiment: Experiment, rows: Sequence[Row], by: Sequence[str], metric: str) -> list[Line]:
    """One line for every combination of the keys' values, in the order of models, budgets and bands."""
    groups: dict[tuple[Any, ...], list[tuple[Cell, Row | None]]] = {}
    for cell in [*experiment.latest, *experiment.missing()]:
        i = experiment.latest.get(cell)
        keys = tuple(KEYS[key](cell) for key in by)
        groups.setdefault(keys, []).append((cell, None if i is None else rows[i]))
    ranks: dict[str, list[Any]] = {"model": experiment.models, "size": experiment.sizes, "band": experiment.bands}

    def order(keys: tuple[Any, ...]) -> list[Any]:
        return [ranks[key].index(k) if key in ranks else str(k) for key, k in zip(by, keys, strict=True)]

    return [_line(experiment, keys, groups[keys], metric) for keys in sorted(groups, key=order)]


def label(key: str, value: Any) -> str:
    """A key's value for people."""
    if value is None:
        return "whole"
    return budget_text(value) if key == "size" else f"{value:g}" if key == "band" else str(value)


def _line(experiment: Experiment, keys: tuple[Any, ...], runs: list[tuple[Cell, Row | None]], metric: str) -> Line:
    ok = [(cell, row) for cell, row in runs if row is not None and row["status"] == OK]
    scores: dict[Any, list[float]] = {}
    for cell, row in ok:
        if row.get(metric) is not None:
            scores.setdefault((cell.model, cell.size, cell.band), []).append(row[metric])
    variances = [statistics.variance(draws) for draws in scores.values() if len(draws) > 1]
    statuses = ["missing" if row is None else row["status"] for _, row in runs]
    unsupported, missing = statuses.count(UNSUPPORTED), statuses.count("missing")
    return Line(
        experiment,
        keys,
        statistics.fmean(map(statistics.fmean, scores.values())) if scores else math.nan,
        math.sqrt(statistics.fmean(variances)) if variances else math.nan,
        len({cell.seed for cell, _ in ok}),
        len({cell.item for cell, _ in ok}),
        (len(ok), len(runs) - len(ok) - unsupported - missing, unsupported, missing),
    )
