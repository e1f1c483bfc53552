"""What a plan will cost, from times measured before (harness/plan/step_times.json).

`python -m harness.plan.cost band_limit_figs` writes what the rows of a results folder took into that
file, and leaves what it holds of other kinds of device, and of other models where as many points were timed.
"""

import dataclasses
import functools
import json
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import target_signals
from common.words import duration
from harness.plan.trial import Trial
from harness.store.schema import OK
from harness.store.table import load

if TYPE_CHECKING:
    import pandas as pd
    import torch


TIMES = Path(__file__).with_name("step_times.json")
START_SECONDS = 0.5  # building, evaluating and storing one trial
LEAST_SHARE = {"cuda": 0.02, "cpu": 0.0}  # of the measured time that remains however few the points: launches


def describe_cost(trials: Sequence[Trial], device: "torch.device") -> str:
    """One line: the estimated time of these trials on this kind of device."""
    if not trials:
        return "nothing to do"
    times = [trial_seconds(trial, device.type) for trial in trials]
    unknown = sorted({trial.model for trial, seconds in zip(trials, times, strict=True) if seconds is None})
    if len(unknown) == len({trial.model for trial in trials}):
        return "no estimate, never timed here"
    total = sum(seconds for seconds in times if seconds is not None)
    machine = _times()[device.type]["machine"]
    text = f"about {duration(total, 'GPU-hours' if device.type == 'cuda' else 'hours')} (as timed on {machine})"
    return text + (f", without {', '.join(unknown)}" if unknown else "")


def trial_seconds(trial: Trial, device: str) -> float | None:
    """Estimated seconds of one trial: log-log in the budget, linear in the number of points. None: never timed."""
    times = _times().get(device)
    if times is None:
        return None
    kind = "seconds_to_solve" if trial.lr is None else "ms_per_pass"
    found = times.get(kind, {}).get(f"{trial.model} {trial.dim}D")
    if found is None:
        return None
    measured = {int(size): time for size, time in found.items()}
    points = target_signals.registry.get(trial.signal).points(trial.dim, trial.length)
    share = max(points / times["points"][f"{trial.dim}D"], LEAST_SHARE[device])
    if trial.lr is None:  # a solution takes hardly longer beyond the largest budget, which a pass does
        return START_SECONDS + interpolate(measured, min(trial.budget, max(measured))) * share
    return START_SECONDS + trial.steps * interpolate(measured, trial.budget) / 1000 * share


def as_large(trial: Trial, points: int) -> Trial:
    """A trial with the side of a square or a cube of so many points, for an estimate where the signal is known."""
    return dataclasses.replace(trial, length=round(points ** (1 / trial.dim)))


def interpolate(measured: dict[int, float], budget: int) -> float:
    """The time at a budget, from those at others: constant below the least, in proportion beyond the largest."""
    known = sorted(measured)
    if budget <= known[0]:
        return measured[known[0]]
    below = max(k for k in known if k <= budget)
    above = min((k for k in known if k > budget), default=None)
    if above is None:
        return measured[below] * budget / below
    between = math.log(budget / below) / math.log(above / below)
    return measured[below] ** (1 - between) * measured[above] ** between


def measured_times(table: "pd.DataFrame") -> dict[str, Any]:
    """By kind of device: the machine, and for every model, dimension and budget the median milliseconds of one pass
    over the lattice, or the median seconds of a solution, among the rows with the most points."""
    rows = [row for row in table.to_dict("records") if row["status"] == OK]
    found: dict[tuple[str, str], dict[int, list[dict[Any, Any]]]] = defaultdict(lambda: defaultdict(list))
    machines: dict[str, str] = {}
    for row in rows:
        kind, _, machines[kind] = row["device"].partition(": ")
        found[kind, f"{row['dim']}D"][math.prod(row["shape"][: row["dim"]])].append(row)
    times: dict[str, Any] = {}
    for (kind, axes), by_points in sorted(found.items()):
        most = max(by_points)
        # Bandlimited lattices are odd: one sample longer an axis
        largest = [row for points, own in by_points.items() if points >= 0.9 * most for row in own]
        taken: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in largest:
            solved, seconds = not row["updates"], row["seconds"]
            time = seconds if solved else 1000 * seconds / row["curve"][-1]["step"]
            taken["seconds_to_solve" if solved else "ms_per_pass", f"{row['model']} {axes}"][row["size"]].append(time)
        device = times.setdefault(
            kind, {"machine": machines[kind], "points": {}, "ms_per_pass": {}, "seconds_to_solve": {}}
        )
        device["points"][axes] = most
        for (what, name), by_size in sorted(taken.items()):
            device[what][name] = {
                str(size): float(f"{statistics.median(each):.3g}") for size, each in sorted(by_size.items())
            }
    return times


def merged(known: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """Known times with measured ones in their place. A kind of device keeps the known times of other models where both
    are of equally many points; otherwise it has the measured ones alone."""
    found = dict(known)
    for kind, times in measured.items():
        own = known.get(kind, {"points": {}})
        if all(own["points"].get(axes) == points for axes, points in times["points"].items()):
            times = own | {what: own[what] | times[what] for what in ("ms_per_pass", "seconds_to_solve")}
        found[kind] = times
    return found


@functools.cache
def _times() -> dict[str, Any]:
    return json.loads(TIMES.read_text()) if TIMES.exists() else {}


if __name__ == "__main__":
    TIMES.write_text(json.dumps(merged(_times(), measured_times(load(sys.argv[1]))), indent=1) + "\n")
    print(f"wrote {TIMES}")
