"""Seconds of training that may be compared: those of one machine."""

import math
from collections import Counter

from harness.comparison import Comparison, Draw, Place, Run
from harness.results import OK


def machine(comparison: Comparison) -> str:
    """The device with the most timed runs; empty where nothing was timed."""
    devices = Counter(str(run.row["device"]) for run in _timed(comparison))
    return devices.most_common(1)[0][0] if devices else ""


def on_machine(comparison: Comparison, place: Place) -> dict[Draw, Run]:
    """The runs at a place that ended well and were timed on that device."""
    device = machine(comparison)
    runs = comparison.runs(place).items()
    return {draw: run for draw, run in runs if _is_timed(run) and str(run.row["device"]) == device}


def elsewhere(comparison: Comparison) -> int:
    """How many timed runs other machines did."""
    device = machine(comparison)
    return sum(str(run.row["device"]) != device for run in _timed(comparison))


def notes(comparison: Comparison) -> list[str]:
    """What a page with seconds has to say about them."""
    count = elsewhere(comparison)
    return [f"seconds of {machine(comparison)} alone: {count} runs of other machines are left out"] if count else []


def _timed(comparison: Comparison) -> list[Run]:
    places = [place for model in comparison.models for place in comparison.trials(model)]
    return [run for place in places for run in comparison.runs(place).values() if _is_timed(run)]


def _is_timed(run: Run) -> bool:
    seconds = run.row["seconds"]
    return run.status == OK and seconds is not None and math.isfinite(seconds) and seconds > 0
