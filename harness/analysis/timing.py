"""Seconds of fits that may be compared: those of one machine."""

import math
from collections.abc import Sequence

from common.words import plural
from harness.analysis.cell import Cell
from harness.analysis.comparison import Comparison, Place
from harness.analysis.remarks import shared
from harness.store.facts import busy, was_timed
from harness.store.schema import Row


def seconds(row: Row, waiting: bool = False) -> float:
    """Seconds of training alone; or of waiting, which starts with the model's construction: what is made, compiled and
    tried before the first update counts too, evaluations do not. NaN where the row does not know."""
    training, ready, updates = (row.get(name) for name in ("seconds", "ready_seconds", "updates"))
    if not waiting or training is None:
        return math.nan if training is None else float(training)
    if ready is None or updates is None:
        return math.nan
    return float(ready) + (float(training) * (1 - 1 / updates) if updates else 0.0)  # the first update is in `ready`


def on_machine(comparison: Comparison, place: Place) -> dict[Cell, Row]:
    """The runs at a place that ended well and were timed on the comparison's machine."""
    runs = comparison.runs(place).items()
    return {cell: row for cell, row in runs if was_timed(row) and str(row["device"]) == comparison.machine}


def elsewhere(comparison: Comparison) -> list[Row]:
    """The timed runs of other machines, or of this one with other threads."""
    return [row for row in comparison.timed if str(row["device"]) != comparison.machine]


def only_elsewhere(comparison: Comparison, models: Sequence[str]) -> list[str]:
    """The models among these that were timed, but on other machines than the comparison's, or with other threads."""
    here = {row["model"] for row in _here(comparison)}
    there = {row["model"] for row in elsewhere(comparison)}
    return [model for model in models if model in there - here]


def notes(comparison: Comparison) -> list[str]:
    """What a page with seconds has to say about them."""
    here, others = _here(comparison), len(elsewhere(comparison))
    left_out = f"seconds of {comparison.machine} alone: {plural(others, 'run')} of other machines or threads left out"
    found = [left_out] if others else []
    doubtful = sum(map(busy, here))
    found += [f"timed on a busy machine: {plural(doubtful, 'run')}"] if doubtful else []
    return found + shared(here)


def _here(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.timed if str(row["device"]) == comparison.machine]
