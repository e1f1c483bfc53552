"""Mean scores of an experiment's runs by some of their keys, with the spread over draws, what did not end well, and
who is best at each place."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from common.grouped import grouped
from common.words import budget_text
from harness.analysis.cell import Cell, counted
from harness.analysis.compared import ComparedModels, compare
from harness.analysis.experiments import Experiment
from harness.analysis.gain import CAP, described, is_constant, score
from harness.analysis.reference_rows import display_name, reference_models
from harness.analysis.remarks import remarks
from harness.analysis.spread import Spread, spread
from harness.analysis.winner import Outcome, decide_among, mean_of
from harness.store.facts import finite
from harness.store.schema import CLASSICAL, OK, UNSUPPORTED, Row
from target_signals.tasks.metrics import Metric

KEYS = ("model", "size", "band", "item", "seed", "signal_seed")  # of a cell
COUNTS = ("ok", "failed", "unsupported", "missing")
Keys = tuple[Any, ...]


class Line(NamedTuple):
    """The runs of one experiment that agree in some keys. mean: over replicates (`harness.analysis.winner`).

    mean, spread, draws and rows are of the runs that ended well in the cases that are compared at the line's place.
    of: how many runs the mean is over, and how many such cases there are. draws: how many items, signals and seeds.
    counts: of all runs.
    """

    keys: Keys
    mean: float
    of: tuple[int, int]
    spread: Spread
    draws: dict[str, int]
    counts: tuple[int, ...]  # as COUNTS
    rows: tuple[Row, ...]


class Run(NamedTuple):
    """One cell of an experiment; no row: it is missing. score: None where it has none, NaN where it failed."""

    cell: Cell
    row: Row | None
    score: float | None


@dataclass(frozen=True)
class Means:
    """One experiment's runs by some keys; their lines, and who is best at each place, which is their keys without the
    model. Lines and outcomes are made when they are asked for.

    groups: every run, by the keys of its line. runs: at each place those that have a score, and with NaN those that
    failed. able: the models that can be asked there, of those that there are and that are planned. across: whether
    scores stand for means over bands. of_reference: models whose rows come with the suite.
    """

    experiment: Experiment
    by: tuple[str, ...]
    metric: Metric
    groups: dict[Keys, list[Run]]
    runs: dict[Keys, dict[Cell, float]]
    able: dict[Keys, list[str]]
    yardsticks: frozenset[str]
    across: bool
    of_reference: frozenset[str]

    @cached_property
    def compared(self) -> dict[Keys, ComparedModels]:
        """Which models and cases are compared at each place."""
        return {place: compare(own, self.yardsticks, self.able[place]) for place, own in self.runs.items()}

    @cached_property
    def outcomes(self) -> dict[Keys, Outcome]:
        """Who is best at each place."""
        return {
            place: decide_among(own, self.compared[place], self.yardsticks, self.metric)
            for place, own in self.runs.items()
        }

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """A line for every combination of the keys' values, in the order of models, budgets and bands."""
        experiment = self.experiment
        ranks: dict[str, list[Any]] = {"model": experiment.models, "size": experiment.sizes, "band": experiment.bands}

        def order(keys: Keys) -> list[Any]:
            return [ranks[key].index(k) if key in ranks else str(k) for key, k in zip(self.by, keys, strict=True)]

        ordered = sorted(self.groups, key=order)
        return tuple(_line(keys, self.groups[keys], self.compared.get(_place(self.by, keys))) for keys in ordered)

    @cached_property
    def bands(self) -> tuple[int, int]:
        """Over how many bands the lines are, least and most; identical constant ones count once."""
        if not self.across:
            return 1, 1
        scored = {run.cell.band for own in self.groups.values() for run in own if finite(run.score) is not None}
        each = [one.bands for one in self.compared.values()]
        return min(each or [len(scored)]), max(each or [len(scored)])

    def remarks(self, shown: Collection[Cell] | None = None) -> list[str]:
        """What is to be known of the scores beside them, of those that are shown, by default all."""
        runs = (run for own in self.groups.values() for run in own if shown is None or run.cell in shown)
        return remarks((run.row for run in runs if run.row is not None), times=False)

    def by_name(self, line: Line) -> dict[str, Any]:
        """A line's keys by name."""
        return dict(zip(self.by, line.keys, strict=True))

    def place(self, line: Line) -> Keys:
        """A line's keys without its model."""
        return _place(self.by, line.keys)

    def outcome(self, line: Line) -> Outcome | None:
        """Who is best at a line's place; None where the keys tell no models apart."""
        return self.outcomes.get(self.place(line))

    def label(self, key: str, value: Any) -> str:
        """A key's value for people."""
        if key == "item":
            return self.experiment.item_names.get(value, "whole")
        return display_name(value, self.of_reference) if key == "model" else label(key, value)

    @property
    def title(self) -> str:
        """`PSNR (dB): …`, with what stands in a mean over bands."""
        pooled = self.bands[1] > 1
        gains = f", over the constant mean, at most {CAP:g} dB" if pooled and self.metric.unit == "dB" else ""
        bands = f", mean over {span(self.bands)} bands" if pooled else ""
        return f"{self.metric.label()}{gains}{bands}: {self.experiment}"


def means(experiment: Experiment, by: Sequence[str], metric: str) -> Means:
    """An experiment's runs by these keys.

    metric: a column of scores such as `psnr_best`, or `gain`. Across bands PSNR stands as its gain.
    """
    across = "band" not in by and len(experiment.bands) > 1
    runs = runs_of(experiment, metric, across)
    groups = grouped(runs, lambda run: tuple(getattr(run.cell, key) for key in by))
    tried, unable = _tried(groups, by) if "model" in by else ({}, {})
    latest = experiment.by_cell.values()
    yardsticks = frozenset(row["model"] for row in latest if row.get("label") == CLASSICAL)
    expected = dict.fromkeys([*experiment.planned, *experiment.models])
    able = {place: [model for model in expected if model not in unable[place]] for place in tried}
    of_reference, kind = reference_models(latest), described(metric, across)
    return Means(experiment, tuple(by), kind, groups, tried, able, yardsticks, across, of_reference)


def runs_of(experiment: Experiment, metric: str, across: bool) -> Iterable[Run]:
    """Every cell of an experiment with its row and score.

    across: the scores enter means over bands, so those of all constant bands but the first are left out: they are of
    one signal.
    """
    again = set(constant_bands(experiment)[1:]) if across else ()
    for cell in [*experiment.latest, *experiment.missing()]:
        row = experiment.by_cell.get(cell)
        if row is None or row["status"] == UNSUPPORTED or cell.band in again:
            yield Run(cell, row, None)
        else:
            yield Run(cell, row, score(row, metric, across) if row["status"] == OK else math.nan)


def constant_bands(experiment: Experiment) -> list[float | None]:
    """The bands at which every signal is constant, and so the same."""
    varied = {cell.band for cell, row in experiment.by_cell.items() if not is_constant(row)}
    return [band for band in experiment.bands if band not in varied]


def span(counts: tuple[int, int]) -> str:
    """`5`, or `3 to 5`."""
    return " to ".join(map(str, dict.fromkeys(counts)))


def label(key: str, value: Any) -> str:
    """A key's value for people."""
    if value is None:
        return "whole"
    return budget_text(value) if key == "size" else f"{value:g}" if key == "band" else str(value)


def _tried(
    groups: dict[Keys, list[Run]], by: Sequence[str]
) -> tuple[dict[Keys, dict[Cell, float]], dict[Keys, set[str]]]:
    """The scores of every model by place, NaN where one failed; and the models that cannot be asked there."""
    places: dict[Keys, dict[Cell, float]] = {}
    unable: dict[Keys, set[str]] = {}
    for keys, own in groups.items():
        place = _place(by, keys)
        places.setdefault(place, {}).update({run.cell: run.score for run in own if run.score is not None})
        cannot = {run.cell.model for run in own if run.row is not None and run.row["status"] == UNSUPPORTED}
        unable.setdefault(place, set()).update(cannot)
    return places, unable


def _place(by: Sequence[str], keys: Keys) -> Keys:
    return tuple(k for key, k in zip(by, keys, strict=True) if key != "model")


def _line(keys: Keys, runs: Sequence[Run], compared: ComparedModels | None) -> Line:
    """compared: at the line's place; None where no models are told apart, so that every run counts."""
    statuses = ["missing" if run.row is None else run.row["status"] for run in runs]
    ok, unsupported, missing = statuses.count(OK), statuses.count(UNSUPPORTED), statuses.count("missing")
    ended = {run.cell: run for run in runs if run.row is not None and run.row["status"] == OK}
    scores = {cell: run.score for cell, run in ended.items() if run.score is not None}
    of = len(runs) - unsupported
    if compared is not None and (cases := compared.shown):
        scores, of = compared.only(scores), len(cases)
    used = [ended[cell] for cell in scores] or list(ended.values())
    return Line(
        keys,
        mean_of(scores),
        (len(scores), of),
        spread(scores),
        counted([run.cell for run in used]),
        (ok, len(runs) - ok - unsupported - missing, unsupported, missing),
        tuple(run.row for run in used if run.row is not None),
    )
