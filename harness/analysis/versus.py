"""Two presets side by side, such as `paper` and `tuned`: scores, ranks, and who is best, over the draws of both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.cell import Cell, Draw, Kind
from harness.analysis.compared import Runs
from harness.analysis.experiments import Experiment
from harness.analysis.means import Means, means, span
from harness.analysis.significance import Difference
from harness.analysis.winner import Outcome, Scores, decide, improvement, least, mean_of
from target_signals.tasks.metrics import Metric


@dataclass(frozen=True)
class Change:
    """A model's mean scores at a budget, over the draws that it has under both presets.

    ahead: how much better it is under the second one, paired, more being better whatever the metric. ranks: its place
    among those of its sort under each, 1 the best; None where it does not compete.
    """

    model: str
    size: int
    before: float
    after: float
    ahead: Difference
    ranks: tuple[int | None, int | None]


@dataclass(frozen=True)
class Versus:
    """An experiment under two presets. kind: under the second; against: the first. bands: over how many the means are,
    least and most. outcomes: by budget, of both. draws: those that are compared. remarks: by preset, what is to be
    known of its scores."""

    kind: Kind
    against: str
    metric: Metric
    bands: tuple[int, int]
    changes: tuple[Change, ...]
    outcomes: dict[int, tuple[Outcome, Outcome]]
    draws: frozenset[Draw]
    remarks: dict[str, list[str]]

    @property
    def both(self) -> Kind:
        """The kind, with both presets in its preset's place."""
        return self.kind._replace(preset=f"{self.against} → {self.kind.preset}")

    def told(self, change: Change) -> bool:
        """Whether a change is beyond chance, for itself, and is not one that rounds to 0."""
        return change.ahead.certain and abs(change.ahead.mean) >= least(self.metric)

    @property
    def title(self) -> str:
        bands = f", mean gain over {span(self.bands)} bands" if self.bands[1] > 1 else ""
        return f"{self.metric.label()}{bands}: {self.both}"


def versus(every: Sequence[Experiment], preset: str, against: str, metric: str) -> list[Versus]:
    """The experiments that have rows of both presets, and are otherwise alike."""
    first = {one.kind: one for one in every if one.kind.preset == against}
    pairs = [(first.get(two.kind._replace(preset=against)), two) for two in every if two.kind.preset == preset]
    found = [_versus(one, two, metric) for one, two in pairs if one is not None]
    return [one for one in found if one.changes]


def _versus(first: Experiment, second: Experiment, metric: str) -> Versus:
    shared = first.latest.keys() & second.latest.keys()  # a band of one alone would make gains of its scores
    before, after = (means(each.where(shared.__contains__), ["model", "size"], metric) for each in (first, second))
    changes: list[Change] = []
    outcomes: dict[int, tuple[Outcome, Outcome]] = {}
    draws: set[Draw] = set()
    shown: set[Cell] = set()
    for size in second.sizes:
        common = _common(before, after, size)
        if not any(map(math.isfinite, common[0].values())):
            continue
        draws |= {cell.draw for cell in common[0]}
        models = [model for model in second.models if model in first.models]
        under = [decide(runs, after.yardsticks, after.metric, models) for runs in common]
        outcomes[size] = under[0], under[1]
        for model in models:
            one, two = (_of_model(under[i].compared.only(common[i]), model) for i in (0, 1))
            if one:
                ranks = _place(outcomes[size][0], model), _place(outcomes[size][1], model)
                ahead = improvement(one, two, after.metric)
                shown |= one.keys()
                changes.append(Change(model, size, mean_of(one), mean_of(two), ahead, ranks))
    counts = [outcome.compared.bands for pair in outcomes.values() for outcome in pair]
    return Versus(
        kind=second.kind,
        against=first.kind.preset,
        metric=after.metric,
        bands=(min(counts, default=0), max(counts, default=0)),
        changes=tuple(changes),
        outcomes=outcomes,
        draws=frozenset(draws),
        remarks={each.experiment.kind.preset: each.remarks(shown) for each in (before, after)},
    )


def _common(before: Means, after: Means, size: int) -> tuple[Runs, Runs]:
    """The scores at a budget under both, of the cells that have a run under both; NaN under both where one failed."""
    one, two = before.runs.get((size,), {}), after.runs.get((size,), {})
    failed = {cell: math.nan for cell in one if cell in two and not math.isfinite(one[cell] + two[cell])}
    shared = [{cell: own[cell] for cell in one if cell in two} | failed for own in (one, two)]
    return shared[0], shared[1]


def _of_model(scores: Scores, model: str) -> Scores:
    return {cell: score for cell, score in scores.items() if cell.model == model}


def _place(outcome: Outcome, model: str) -> int | None:
    for ranking in (outcome.trained, outcome.yardsticks):
        if ranking is not None and model in ranking.models:
            return ranking.models.index(model) + 1
    return None
