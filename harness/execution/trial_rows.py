"""Which trials have their rows in a results folder, and which are left to run."""

import functools
import itertools
from collections.abc import Callable, Sequence
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
    store_of, claims = functools.cache(functools.partial(Store, out)), Claims(out)
    for trial in trials:
        found = named_rows(trial, store_of)
        whole = {
            (folder, key): row for (folder, key), row in found.items() if row and is_own(row, key, store_of(folder))
        }
        if len(whole) == len(found):
            claims.bury(trial)
            done.append(trial)
            rows |= whole
        else:
            left.append(trial)
    return done, left, rows


def is_own(row: Row, key: str, store: Store) -> bool:
    """Whether a row is the one of its key. Another one, which somebody has put there, is set aside."""
    if (own := key_of(row)) != key:
        store.set_aside(key, f"it is that of {own}")
    return own == key


def named_rows(trial: Trial, store_of: Callable[[str], Store]) -> dict[Name, Row | None]:
    """The rows of a trial by their names, in the order of its scorings; None for one that is not there.

    store_of: gives the store of a folder.
    """
    return {row.name: store_of(row.folder).read(row.key) for row in trial.rows}


def is_done(trial: Trial, out: str | Path, superseded: Superseded) -> bool:
    """Whether a trial's rows all exist.

    superseded: the key and `started` of rows that do not count, as their trials are to run again.
    """
    found = stored(trial, out)
    if None in found.values() or not superseded:
        return None not in found.values()
    return not any((key, row["started"]) in superseded for (_, key), row in found.items() if row)


def stored(trial: Trial, out: str | Path) -> dict[Name, Row | None]:
    """`named_rows` of a results folder."""
    return named_rows(trial, functools.partial(Store, out))


def to_supersede(trials: Sequence[Trial], out: str | Path) -> Superseded:
    """The rows that these trials have now."""
    found = itertools.chain.from_iterable(stored(trial, out).items() for trial in trials)
    return {(key, row["started"]) for (_, key), row in found if row is not None}
