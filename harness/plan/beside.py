"""What trials took beside training, from the rows that one worker made after each other."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UsageError
from harness.plan import cost
from harness.plan.config import Config
from harness.plan.replay import trial_of
from harness.plan.trial import Trial
from harness.store.facts import started_at
from harness.store.schema import Row

PAUSE = 60.0  # seconds beyond training and set-up after which a trial's end was not the beginning of the next


class Timed(NamedTuple):
    """A trial by one of its rows. took: what it took by part. first: what it was the first of, its model or its budget
    of that; empty for others."""

    row: Row
    trial: Trial
    took: cost.Parts
    first: str


def timed(rows: Sequence[Row], config: Config) -> list[Timed]:
    """The trials that one worker made after each other: each ends as the next one begins. None for rows of several
    workers, and without those that something else came after, and those of models and signals that are not here."""
    fits: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        fits[row["started"], row["model"], row["size"], row["seed"], row["item"], row["bandlimit"]].append(row)
    ordered = [fits[key] for key in sorted(fits, key=lambda key: str(key[0]))]
    found, seen = [], set[tuple[str, int]]()
    for own, following in itertools.pairwise(ordered):
        row, kind = own[0], (own[0]["model"], own[0]["size"])
        first = "" if kind in seen else cost.OF_BUDGET if kind[0] in {model for model, _ in seen} else cost.OF_MODEL
        wall = started_at(following[0]) - started_at(row)
        seen.add(kind)
        ready, training = row["ready_seconds"], row["seconds"]
        if ready is None:
            continue
        once = training if not row["updates"] else training / row["updates"]
        took = cost.Parts(training, max(0.0, ready - once), wall - training - max(0.0, ready - once))
        if took.rest < -0.05:  # it overlaps with the next
            return []
        if took.rest > PAUSE:
            continue
        try:
            found.append(Timed(row, trial_of(row, config), took, first))
        except UsageError:
            continue
    return found


def measured_beside(trials: Sequence[Timed], device: str) -> dict[str, Any]:
    """Median seconds of trials beside training: set_up and, of the first of a model or of a budget of it, so much more,
    by model; the rest without evaluations, by number of axes and samples scored. Nothing for too few trials."""
    later = [one for one in trials if not one.first]
    if not later:
        return {}
    set_up = _medians((one.trial.model, one.took.set_up) for one in later)
    first = _medians(((one.trial.model, one.first), one.took.set_up) for one in trials if one.first)
    rest: dict[str, Any] = {}
    for dim in sorted({one.trial.dim for one in later}):
        own = [one for one in later if one.trial.dim == dim]
        each = _medians((cost.samples_scored(one.trial), one.took.rest - _evaluating(one, device)) for one in own)
        rest[f"{dim}D"] = {str(samples): max(seconds, 1e-3) for samples, seconds in sorted(each.items())}
    more: dict[str, dict[str, float]] = {}
    for (model, which), seconds in sorted(first.items()):
        more.setdefault(model, {})[which] = rounded(max(0.0, seconds - set_up.get(model, 0.0)))
    last = later[-1].row
    named = {"machine": last["device"].partition(": ")[2], "commit": str(last["commit"])[:7]}
    return named | {"set_up": dict(sorted(set_up.items())), "first": more, "rest": rest}


def drawing(folder: str) -> dict[str, float]:
    """Seconds of figures and the page for each experiment's folder: from the last row to the page, where the page was
    made by the run that left the rows."""
    page, rows = Path(folder) / "index.html", list(Path(folder).glob("*/rows/*.json"))
    if not page.exists():
        return {}
    seconds = page.stat().st_mtime - max(row.stat().st_mtime for row in rows)
    return {"drawing": rounded(seconds / len({row.parent for row in rows}))} if 0 < seconds < PAUSE else {}


def _evaluating(one: Timed, device: str) -> float:
    """Seconds of evaluating a trained model, by the passes that it made."""
    if not one.row["updates"]:
        return 0.0
    return cost.evaluation_seconds(one.trial, one.took.training / one.row["curve"][-1]["step"], device)


def _medians(values: Iterable[tuple[Any, float]]) -> dict[Any, float]:
    found: dict[Any, list[float]] = defaultdict(list)
    for key, value in values:
        found[key].append(value)
    return {key: rounded(statistics.median(each)) for key, each in found.items()}


def rounded(value: float) -> float:
    return float(f"{value:.3g}")
