"""What a plan will cost, in words: the numbers are those of cost.py beside it."""

import statistics
from collections.abc import Sequence

from common.words import duration
from harness.plan.cost import drawing_seconds, is_timed, timed_name, times_of, total_seconds
from harness.plan.trial import Trial


def describe_cost(trials: Sequence[Trial], device: str, draws: bool = False, workers: int | None = None) -> str:
    """One line: the estimated time of these trials on this kind of device.

    draws: whether figures and the page are made afterwards. workers: how many trials run at once on the cores of a CPU;
    None for one after the other, as GPU-hours are counted.
    """
    if not trials:
        return "nothing to do"
    drawing = drawing_seconds(trials, device) if draws else 0.0
    at_once = workers if workers is not None and device == "cpu" else 1
    text = describe_seconds(trials, device, drawing, at_once)
    if text is None:
        return "no estimate, nothing was timed on such a device"
    text += " with figures and page" if drawing else ""
    notes = [f"as timed on {times_of(device)['machine']}"]
    if others := _timed_otherwise(trials, device):
        notes.append(f"timed with other settings: {', '.join(others)}")
    if unknown := sorted({timed_name(trial) for trial in trials if not is_timed(trial, device)}):
        notes.append(f"never timed, so a guess, as the quickest to the slowest other model: {', '.join(unknown)}")
    return f"{text} ({'; '.join(notes)})"


def describe_seconds(trials: Sequence[Trial], device: str, more: float = 0.0, workers: int = 1) -> str | None:
    """`about 5 minutes`; where a model was never timed, `40 seconds to 20 minutes`, as the quickest and as the slowest
    other model. None where nothing was timed on such a device. more: seconds beside the trials. workers: how many
    trials run at once."""
    among = (statistics.median,) if all(is_timed(trial, device) for trial in trials) else (min, max)
    totals = [total_seconds(trials, device, of, workers) for of in among]
    texts = [duration(t + more, "GPU-hours" if device == "cuda" else "hours") for t in totals if t is not None]
    if not texts:
        return None
    return f"about {texts[0]}" if len(set(texts)) == 1 else " to ".join(texts)


def _timed_otherwise(trials: Sequence[Trial], device: str) -> list[str]:
    """`FourFeat 2D frequencies 1000`: the whole-number settings, on which a pass depends, that models were timed with
    and some of these trials have not."""
    timed = times_of(device).get("settings", {})
    found = {
        f"{timed_name(trial)} {name} {value}"
        for trial in trials
        for name, value in timed.get(timed_name(trial), {}).items()
        if getattr(trial.settings, name, value) != value
    }
    return sorted(found)
