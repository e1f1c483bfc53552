"""What a plan will cost, from times measured before: harness/plan/step_times.json, which timing.py beside it writes."""

import dataclasses
import functools
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import models
import target_signals
from harness.plan.by_budget import log_log
from harness.plan.trial import Trial
from target_signals.shrink import FACTOR
from target_signals.tasks.base import family_of

TIMES = Path(__file__).with_name("step_times.json")
LEAST_SHARE = {"cuda": 0.02, "cpu": 0.0}  # of a pass's time that remains however few the points, where nothing tells
EVALUATION = {"cuda": 2.0, "cpu": 0.4}  # passes that take as long as evaluating a model in float32 at as many points
OF_MODEL, OF_BUDGET = "model", "budget"  # what a trial is the first of in a process
START_SECONDS = 0.5  # of a trial beside training, where none was measured

Times = dict[str, Any]  # of one kind of device, as the file has them
Among = Callable[[Sequence[float]], float]  # which of the other models' times a model has that was never timed


class Parts(NamedTuple):
    """Seconds of a trial.

    training: updates, or the only solution: `seconds` of its rows. set_up: before the first update: making the model,
    trying it out, recording. rest: signals, evaluations, last passes with quantised values, scores and writing.
    """

    training: float
    set_up: float
    rest: float


def total_seconds(trials: Sequence[Trial], device: str, among: Among, workers: int = 1) -> float | None:
    """Estimated seconds until trials have run, so many at once; None where nothing was timed on such a device. Every
    worker loads and compiles for itself."""
    times = [trial_seconds(trial, device, among) for trial in trials]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return None
    return max(sum(known) / workers, max(known, default=0.0)) + sum(starts(trials, device).values())


def trial_seconds(trial: Trial, device: str, among: Among = statistics.median) -> float | None:
    """Estimated seconds of a trial that is not the first of its kind; None where nothing was timed on such a device."""
    parts = trial_parts(trial, device, among)
    return None if parts is None else sum(parts)


def trial_parts(trial: Trial, device: str, among: Among = statistics.median) -> Parts | None:
    """The same by part. Training is log-log in the budget and linear in the number of points. A model that was never
    timed is taken for one among the others, by default their median; one that does not take the signal takes no time.
    """
    times = times_of(device)
    if not times:
        return None
    if _is_unsupported(trial):
        return Parts(0.0, 0.0, 0.0)
    beside, axes = times.get("beside", {}), f"{trial.dim}D"
    once = _each(times, trial, device, among)
    if once is None:
        return None
    training = once if trial.lr is None else trial.steps * once
    quantised = trial.passes_again * once
    if not beside:
        return Parts(training, 0.0, START_SECONDS + quantised)
    rest = beside["rest"].get(axes) or next(iter(beside["rest"].values()))
    set_up = beside["set_up"].get(trial.model, statistics.median(beside["set_up"].values()))
    evaluating = 0.0 if trial.lr is None else evaluation_seconds(trial, once, device)
    return Parts(training, set_up, interpolate(rest, samples_scored(trial)) + evaluating + quantised)


def is_timed(trial: Trial, device: str) -> bool:
    """Whether the model was timed on this kind of device, so that its estimate is its own, or is not fitted at all."""
    return _is_unsupported(trial) or timed_name(trial) in times_of(device).get(_kind(trial), {})


def starts(trials: Sequence[Trial], device: str) -> dict[tuple[str, int], float]:
    """Seconds that the first trial in a process takes longer, for loading and compiling, by model and budget in this
    order."""
    found: dict[tuple[str, int], float] = {}
    for trial in trials:
        if (trial.model, trial.budget) not in found and not _is_unsupported(trial):
            which = OF_BUDGET if any(model == trial.model for model, _ in found) else OF_MODEL
            found[trial.model, trial.budget] = start_seconds(trial.model, which, device)
    return found


def start_seconds(model: str, which: str, device: str) -> float:
    """What the first trial of a model, or of another budget of a model, takes longer."""
    first = times_of(device).get("beside", {}).get("first", {})
    return float(first.get(model, {}).get(which, 0.0))


def drawing_seconds(trials: Sequence[Trial], device: str) -> float:
    """Seconds of drawing figures and the page, once a launch, on a machine with such a device."""
    each = times_of(device).get("beside", {}).get("drawing", 0.0)
    return float(each) * len({row.folder for trial in trials for row in trial.rows})


def evaluation_seconds(trial: Trial, pass_seconds: float, device: str) -> float:
    """Seconds of a trained model's answers, made in float32, for the curve and for the scores of its last values."""
    evaluations = 1 + trial.steps // trial.evaluate_every
    points = _points(trial)
    return EVALUATION[device] * pass_seconds * (evaluations + samples_scored(trial) / points)


def samples_scored(trial: Trial) -> int:
    """About how many samples the rows of a trial are scored at; images are super-resolved on two finer lattices."""
    cls, samples, finer = models.get_model(trial.model), _samples(trial), 2 * FACTOR**trial.dim if trial.dim == 2 else 1
    own = 2 if family_of(trial.task).coarsening > 1 else 1  # where the signal itself is the finer one
    shared = [task for task in trial.scored if task != trial.task]
    possible = [task for task in shared if cls.unsupported(trial.dim, 1, family_of(task).needs) is None]
    return samples * (own + finer * len(possible))


def as_large(trial: Trial, points: int) -> Trial:
    """A trial with the side of a square or a cube of so many points, for an estimate where the signal is known."""
    return dataclasses.replace(trial, length=round(points ** (1 / trial.dim)))


def interpolate(measured: Mapping[str, float], size: int) -> float:
    """The time at a size, from those at others, log-log: constant below the least, in proportion beyond the largest."""
    return _log_log(measured, size) * max(1.0, size / max(map(int, measured)))


def timed_name(trial: Trial) -> str:
    """`Siren 2D`: what the times of its model stand under."""
    return f"{trial.model} {trial.dim}D"


def times_of(device: str) -> Times:
    """What was timed on this kind of device; empty where nothing was."""
    return _times().get(device, {})


def _each(times: Times, trial: Trial, device: str, among: Among) -> float | None:
    """Seconds of a pass, or of a solution."""
    kind, name, axes = _kind(trial), timed_name(trial), f"{trial.dim}D"
    tables = times.get(kind, {})
    own = [tables[name]] if name in tables else [t for other, t in tables.items() if other.endswith(axes)]
    if not own or axes not in times["points"]:
        return None
    share = _points(trial) / times["points"][axes]
    if trial.lr is None:  # a solution takes hardly longer beyond the largest budget, which a pass does
        each = [_log_log(table, trial.budget) for table in own]
        return among(each) * max(share, LEAST_SHARE[device])
    whole = among([interpolate(table, trial.budget) for table in own]) / 1000
    least = times.get("least_ms", {}).get(name)
    if least is None:
        return whole * max(share, LEAST_SHARE[device])
    fixed = min(_log_log(least, trial.budget) / 1000, whole)
    return fixed + share * (whole - fixed)


def _log_log(table: Mapping[str, float], size: int) -> float:
    """table: times by budget or by samples, which are text in the file."""
    return log_log([(int(known), time) for known, time in table.items()], size)


def _is_unsupported(trial: Trial) -> bool:
    needs = family_of(trial.task).needs
    return models.get_model(trial.model).unsupported(trial.dim, 1, needs) is not None


def _kind(trial: Trial) -> str:
    return "seconds_to_solve" if trial.lr is None else "ms_per_pass"


def _points(trial: Trial) -> int:
    """About how many points its training lattice has; at least 1, as of a signal that is too small for its task."""
    return max(1, _samples(trial) // family_of(trial.task).coarsening ** trial.dim)


def _samples(trial: Trial) -> int:
    """About how many samples its signal has."""
    return target_signals.registry.get(trial.signal).points(trial.dim, trial.length)


@functools.cache
def _times() -> dict[str, Times]:
    return json.loads(TIMES.read_text()) if TIMES.exists() else {}
