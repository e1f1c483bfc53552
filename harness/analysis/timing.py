"""Seconds of training that may be compared: those of one machine."""

from harness.analysis.comparison import Comparison, Place, Run
from harness.analysis.experiments import Draw
from harness.store.schema import busy


def on_machine(comparison: Comparison, place: Place) -> dict[Draw, Run]:
    """The runs at a place that ended well and were timed on the comparison's machine."""
    runs = comparison.runs(place).items()
    return {draw: run for draw, run in runs if run.timed and str(run.row["device"]) == comparison.machine}


def elsewhere(comparison: Comparison) -> int:
    """How many timed runs other machines did."""
    return sum(str(run.row["device"]) != comparison.machine for run in comparison.timed)


def on_busy_machine(comparison: Comparison) -> int:
    """How many runs of the comparison's machine were timed while others used it."""
    return sum(busy(run.row) for run in comparison.timed if str(run.row["device"]) == comparison.machine)


def notes(comparison: Comparison) -> list[str]:
    """What a page with seconds has to say about them."""
    count, doubtful = elsewhere(comparison), on_busy_machine(comparison)
    found = [f"seconds of {comparison.machine} alone: {count} runs of other machines are left out"] if count else []
    return found + ([f"{doubtful} runs were timed on a busy machine"] if doubtful else [])
