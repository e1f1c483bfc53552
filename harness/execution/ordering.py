"""In which order, and in which portions, several workers take trials so that all end at about the same time."""

import heapq
import math
from collections.abc import Sequence
from typing import Any

from harness.plan.cost import is_timed, trial_seconds
from harness.plan.trial import Trial

LONG = 30.0  # seconds of a trial to which those of making its signal, half a one at most, are nothing


def in_order(trials: Sequence[Trial], device: str) -> list[Trial]:
    """The order for several workers, of which all end at about the same time: the long ones first, the longest of
    them before the others, whatever they are about. The short ones follow by signal, as a worker keeps the last two
    and making one would cost them a good part of their time. What was never timed counts as long."""
    signals: dict[Any, int] = {}

    def place(trial: Trial) -> tuple[float, int, float]:
        seconds, signal = known_seconds(trial, device), signals.setdefault(trial.about, len(signals))
        return (-seconds if seconds >= LONG else 0.0, signal, -seconds)

    return sorted(trials, key=place)


def pack(trials: Sequence[Trial], device: str, seconds: float, least: int, most: int) -> list[list[Trial]]:
    """Trials in packs of about as many seconds each, at least `least` of them and at most `most`: the longest first,
    each into the pack that has the least so far."""
    times = [min(known_seconds(trial, device), seconds) for trial in trials]
    total = sum(times)
    count = min(len(trials), most, max(least, math.ceil(total / seconds)))
    packs: list[tuple[float, int, list[Trial]]] = [(0.0, number, []) for number in range(count)]
    for time, index in sorted(zip(times, range(len(trials)), strict=True), reverse=True):
        load, number, pack = packs[0]
        pack.append(trials[index])
        heapq.heapreplace(packs, (load + time, number, pack))
    return [in_order(pack, device) for _, _, pack in packs]


def known_seconds(trial: Trial, device: str) -> float:
    """Estimated seconds of a trial; infinite where its model was never timed."""
    estimate = trial_seconds(trial, device) if is_timed(trial, device) else None
    return math.inf if estimate is None else estimate


def makespan(seconds: Sequence[float], workers: int) -> float:
    """When the last trial ends, if every worker takes the next one whenever it is free."""
    ends = [0.0] * workers
    for one in seconds:
        heapq.heapreplace(ends, ends[0] + one)
    return max(ends)
