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
def read_done(
    trials: Sequence[Trial], out: str | Path, dry_run: bool = False
) -> tuple[list[Trial], list[Trial], dict[Name, Row]]:
    """The trials whose rows all exist and count, those that are left to run, and the rows of the first. A corrupt row
    and one under another's name are set aside, and what is left of a claim on a trial that is done is taken away;
    not in a dry run, which changes nothing."""
    done: list[Trial] = []
    left: list[Trial] = []
    rows: dict[Name, Row] = {}
    claims = Claims(out)
    for trial in trials:
        found = stored(trial, out, dry_run)
        own = {name: row for name, row in found.items() if row is not None and is_own(row, name, out, dry_run)}
        whole = {name: row for name, row in own.items() if trial.counts(row)}
        if len(whole) == len(found):
            if not dry_run:
                claims.bury(trial)
            done.append(trial)
            rows |= whole
        else:
            left.append(trial)
    return done, left, rows


def is_own(row: Row, name: Name, out: str | Path, dry_run: bool) -> bool:
    """Whether a row is the one of its name. Another one, which somebody has put there, is set aside."""
    folder, key = name
    if (own := key_of(row)) != key:
        Store(out, folder, dry_run).set_aside(key, f"it is that of {own}")
    return own == key


def stored(trial: Trial, out: str | Path, dry_run: bool = False) -> dict[Name, Row | None]:
    """The rows of a trial by their names, in the order of its scorings; None for one that is not there."""
    return {row.name: Store(out, row.folder, dry_run).read(row.key) for row in trial.rows}


def is_done(trial: Trial, out: str | Path, superseded: Superseded) -> bool:
    """Whether a trial's rows all exist, count (`Trial.counts`) and are not superseded."""
    found = stored(trial, out).items()
    return all(
        row is not None and trial.counts(row) and row["started"] != superseded.get(key) for (_, key), row in found
    )


def to_supersede(trials: Sequence[Trial], out: str | Path) -> Superseded:
    """The rows that these trials have now."""
    found = (entry for trial in trials for entry in stored(trial, out).items())
    return {key: row["started"] for (_, key), row in found if row is not None}


class Arrivals:
    """Which of some trials may have their rows since the last look. One look lists folders and opens no file, however
    many trials there are.

    left: the trials by the name of the row that is written last. A row that takes the place of another one is told by
    the number of its file.
    """

    def __init__(self, trials: Sequence[Trial], out: str | Path):
        self.left = {trial.rows[-1].name: trial for trial in trials}
        self.stores = {folder: Store(out, folder) for folder, _ in self.left}
        self.seen: dict[Name, int] = {}

    def look(self) -> list[Trial]:
        """The trials whose last row was not there before, in order."""
        now = {(folder, key): number for folder, store in self.stores.items() for key, number in store.row_files()}
        before, self.seen = self.seen, now
        return [trial for name, trial in self.left.items() if name in now and now[name] != before.get(name)]

    def forget(self) -> None:
        """Take all that is there for new at the next look."""
        self.seen.clear()
