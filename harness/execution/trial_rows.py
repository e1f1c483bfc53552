"""Which trials have their rows in a results folder, and which are left to run."""

from collections.abc import Sequence
from pathlib import Path

from common.process import without_collection
from harness.execution.executor import Superseded
from harness.plan.trial import Trial
from harness.store.claims import Claims
from harness.store.names import Name, key_of
from harness.store.schema import Row
from harness.store.store import Store


@without_collection()
def read_done(trials: Sequence[Trial], out: str | Path) -> tuple[list[Trial], list[Trial], dict[Name, Row]]:
    """The trials whose rows all exist, those that are left to run, and the rows of the first. A corrupt row and one
    under another's name are set aside, and what is left of a claim on a trial that is done is taken away."""
    done: list[Trial] = []
    left: list[Trial] = []
    rows: dict[Name, Row] = {}
    claims = Claims(out)
    for trial in trials:
        found = stored(trial, out)
        whole = {name: row for name, row in found.items() if row is not None and is_own(row, name, out)}
        if len(whole) == len(found):
            claims.bury(trial)
            done.append(trial)
            rows |= whole
        else:
            left.append(trial)
    return done, left, rows


def is_own(row: Row, name: Name, out: str | Path) -> bool:
    """Whether a row is the one of its name. Another one, which somebody has put there, is set aside."""
    folder, key = name
    if (own := key_of(row)) != key:
        Store(out, folder).set_aside(key, f"it is that of {own}")
    return own == key


def stored(trial: Trial, out: str | Path) -> dict[Name, Row | None]:
    """The rows of a trial by their names, in the order of its scorings; None for one that is not there."""
    return {row.name: Store(out, row.folder).read(row.key) for row in trial.rows}


def is_done(trial: Trial, out: str | Path, superseded: Superseded) -> bool:
    """Whether a trial's rows all exist.

    superseded: the key and `started` of rows that do not count, as their trials are to run again.
    """
    found = stored(trial, out).items()
    return all(row is not None and (key, row["started"]) not in superseded for (_, key), row in found)


def to_supersede(trials: Sequence[Trial], out: str | Path) -> Superseded:
    """The rows that these trials have now."""
    found = (entry for trial in trials for entry in stored(trial, out).items())
    return {(key, row["started"]) for (_, key), row in found if row is not None}
