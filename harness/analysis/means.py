"""Mean scores of an experiment's runs by some of their keys, with the spread over draws, what did not end well, and
who is best at each place."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from common.words import budget_text
from harness.analysis.experiments import Cell, Experiment, counted
from harness.analysis.gain import CAP, described, is_constant, score
from harness.analysis.reference_rows import display_name, reference_models
from harness.analysis.spread import Spread, spread
from harness.analysis.winner import Outcome, decide, mean_of
from harness.store.schema import CLASSICAL, OK, UNSUPPORTED, Row
from target_signals.tasks.metrics import Metric

KEYS: dict[str, Callable[[Cell], Any]] = {
    "model": lambda cell: cell.model,
    "size": lambda cell: cell.size,
    "band": lambda cell: cell.band,
    "item": lambda cell: cell.item,
    "seed": lambda cell: cell.seed,
    "signal_seed": lambda cell: cell.signal_seed,
}
COUNTS = ("ok", "failed", "unsupported", "missing")
Keys = tuple[Any, ...]


class Line(NamedTuple):
    """The runs of one experiment that agree in some keys. mean: over replicates (`harness.analysis.winner`).

    draws: how many items, signals and seeds there are. rows: of the runs that ended well.
    """

    keys: Keys
    mean: float
    spread: Spread
    draws: dict[str, int]
    counts: tuple[int, ...]  # as COUNTS
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Means:
    """One experiment's lines, and who is best at each place, which is their keys without the model.

    scores: at each place. bands: over how many each line is; identical constant ones count once. of_reference: models
    whose rows come with the suite.
    """

    experiment: Experiment
    by: tuple[str, ...]
    metric: Metric
    lines: tuple[Line, ...]
    scores: dict[Keys, dict[Cell, float]]
    outcomes: dict[Keys, Outcome]
    bands: int
    of_reference: frozenset[str]

    def place(self, line: Line) -> Keys:
        """A line's keys without its model."""
        return _place(self.by, line.keys)

    def outcome(self, line: Line) -> Outcome | None:
        """Who is best at a line's place; None where the keys tell no models apart."""
        return self.outcomes.get(self.place(line))

    def label(self, key: str, value: Any) -> str:
        """A key's value for people."""
        return display_name(value, self.of_reference) if key == "model" else label(key, value)

    @property
    def title(self) -> str:
        """`PSNR (dB): …`, with what stands in a mean over bands."""
        gains = f", over the constant mean, at most {CAP:g} dB" if self.bands > 1 and self.metric.unit == "dB" else ""
        bands = f", mean over {self.bands} bands" if self.bands > 1 else ""
        return f"{self.metric.label()}{gains}{bands}: {self.experiment.kind}"


class Run(NamedTuple):
    """One cell of an experiment; no row: it is missing. score: None where it has none."""

    cell: Cell
    row: Row | None
    score: float | None


def means(experiment: Experiment, rows: Sequence[Row], by: Sequence[str], metric: str) -> Means:
    """A line for every combination of the keys' values, in the order of models, budgets and bands.

    metric: a column of scores such as `psnr_best`, or `gain`. Across bands PSNR stands as its gain.
    """
    across = "band" not in by and len(experiment.bands) > 1
    groups: dict[Keys, list[Run]] = {}
    for run in runs_of(experiment, rows, metric, across):
        groups.setdefault(tuple(KEYS[key](run.cell) for key in by), []).append(run)
    ranks: dict[str, list[Any]] = {"model": experiment.models, "size": experiment.sizes, "band": experiment.bands}

    def order(keys: Keys) -> list[Any]:
        return [ranks[key].index(k) if key in ranks else str(k) for key, k in zip(by, keys, strict=True)]

    lines = tuple(_line(keys, groups[keys]) for keys in sorted(groups, key=order))
    scores = _scores(groups, by) if "model" in by else {}
    latest = [rows[i] for i in experiment.latest.values()]
    yardsticks = {row["model"] for row in latest if row.get("label") == CLASSICAL}
    outcomes = {place: decide(own, yardsticks, described(metric, across)) for place, own in scores.items()}
    bands = len({run.cell.band for own in groups.values() for run in own if run.score is not None}) if across else 1
    others = reference_models(latest)
    return Means(experiment, tuple(by), described(metric, across), lines, scores, outcomes, bands, others)


def runs_of(experiment: Experiment, rows: Sequence[Row], metric: str, across: bool) -> Iterable[Run]:
    """Every cell of an experiment with its row and score.

    across: the scores enter means over bands, so those of all constant bands but the first are left out: they are of
    one signal.
    """
    again = set(constant_bands(experiment, rows)[1:]) if across else ()
    for cell in [*experiment.latest, *experiment.missing()]:
        row = None if cell not in experiment.latest else rows[experiment.latest[cell]]
        scored = row is not None and row["status"] == OK and cell.band not in again
        yield Run(cell, row, score(row, metric, across) if scored and row is not None else None)


def constant_bands(experiment: Experiment, rows: Sequence[Row]) -> list[float | None]:
    """The bands at which every signal is constant, and so the same."""
    varied = {cell.band for cell, i in experiment.latest.items() if not is_constant(rows[i])}
    return [band for band in experiment.bands if band not in varied]


def label(key: str, value: Any) -> str:
    """A key's value for people."""
    if value is None:
        return "whole"
    return budget_text(value) if key == "size" else f"{value:g}" if key == "band" else str(value)


def _scores(groups: dict[Keys, list[Run]], by: Sequence[str]) -> dict[Keys, dict[Cell, float]]:
    """The scores of every model, by place."""
    places: dict[Keys, dict[Cell, float]] = {}
    for keys, own in groups.items():
        found = {run.cell: run.score for run in own if run.score is not None}
        places.setdefault(_place(by, keys), {}).update(found)
    return places


def _place(by: Sequence[str], keys: Keys) -> Keys:
    return tuple(k for key, k in zip(by, keys, strict=True) if key != "model")


def _line(keys: Keys, runs: Sequence[Run]) -> Line:
    ok = [run for run in runs if run.row is not None and run.row["status"] == OK]
    scores = {run.cell: run.score for run in ok if run.score is not None}
    statuses = ["missing" if run.row is None else run.row["status"] for run in runs]
    unsupported, missing = statuses.count(UNSUPPORTED), statuses.count("missing")
    return Line(
        keys,
        mean_of(scores),
        spread(scores),
        counted([run.cell for run in ok]),
        (len(ok), len(runs) - len(ok) - unsupported - missing, unsupported, missing),
        tuple(run.row for run in ok if run.row is not None),
    )
