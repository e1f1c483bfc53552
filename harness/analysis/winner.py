"""Who is best at a place, by how much, and how sure that is. Every display asks `decide`.

A place is a budget at one band, or over the bands; at one item, or over the items. Which models compete there, and over
which cases (band, item and seeds), is what `harness.analysis.compared` says. Trained models and yardsticks, whose rows
are labelled `classical`, are ranked apart.

The best of a sort wins where its lead over each other one has an interval that leaves out 0 (`significance.intervals`).
As all of them have to, no correction is due: among equal models some wins in at most 5 % of cases. Where it does not
win, whom it is told apart from is a claim about each of them, and is corrected (`significance.holm`): among twelve
equal models it would else be told apart from some in 63 to 71 % of cases. A yardstick is named where it is ahead of the
best trained model, after Holm over the yardsticks; that this model was picked as the best makes the claim rarer still.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from common.grouped import grouped
from harness.analysis.cell import Cell, counted
from harness.analysis.compared import ComparedModels, Runs, by_model, compare
from harness.analysis.significance import ALPHA, Difference, holm, intervals
from harness.analysis.spread import mean
from target_signals.base import has_fixed_items
from target_signals.tasks.metrics import Metric

BASELINE = "Grid"  # the model that differences are taken to, the best of a place aside
WIN, TIE, ONE_DRAW, ALONE = "win", "tie", "one draw", "alone"
REPLICATES: dict[str, Callable[[Cell], object]] = {
    "items": attrgetter("item"),
    "signals": attrgetter("signal_seed"),
    "seeds": attrgetter("seed"),
}
Scores = Mapping[Cell, float]  # of the runs that ended well


@dataclass(frozen=True)
class Ranking:
    """The models of one sort that compete at a place, best first.

    leads: how far the first is ahead of each other one, more being better whatever the metric. tied: those that it is
    not told apart from, or that its lead over rounds to 0. replicates: how many `over` (a key of REPLICATES) there are.
    """

    models: tuple[str, ...]
    means: tuple[float, ...]
    leads: tuple[Difference, ...]
    tied: tuple[str, ...]
    replicates: int
    over: str

    @property
    def best(self) -> str:
        return self.models[0]

    @property
    def verdict(self) -> str:
        """WIN, TIE, ONE_DRAW where no spread could tell, or ALONE."""
        if len(self.models) == 1:
            return ALONE
        return TIE if self.tied else ONE_DRAW if self.replicates == 1 else WIN


@dataclass(frozen=True)
class Outcome:
    """Both rankings; None where no model of the sort competes.

    compared: the models and cases that they are of, and what is left out.
    yardstick: of those that are ahead of the best trained model over that one's cases, beyond chance unless there is
    one replicate, the one that is furthest; and how far; None where none is.
    """

    trained: Ranking | None
    yardsticks: Ranking | None
    compared: ComparedModels
    yardstick: str | None = None
    ahead: Difference | None = None

    @property
    def first(self) -> Ranking | None:
        """The ranking that names the place's best model: the trained ones', or without any the yardsticks'."""
        return self.trained or self.yardsticks


def decide(runs: Runs, classical: Collection[str], metric: Metric, models: Collection[str] = ()) -> Outcome:
    """Who is best among the runs of one budget at a place. models: those that could have runs there."""
    return decide_among(runs, compare(runs, classical, models), classical, metric)


def decide_among(runs: Runs, compared: ComparedModels, classical: Collection[str], metric: Metric) -> Outcome:
    """Rank the models that are compared at a place."""
    scores = {cell: score for cell, score in compared.only(runs).items() if cell.model in compared.models}
    of_yardsticks = {cell: score for cell, score in scores.items() if cell.model in classical}
    of_trained = {cell: score for cell, score in scores.items() if cell.model not in classical}
    trained, yardsticks = _rank(of_trained, metric), _rank(of_yardsticks, metric)
    if trained is None:
        return Outcome(trained, yardsticks, compared)
    best = {cell: score for cell, score in of_trained.items() if cell.model == trained.best}
    return Outcome(trained, yardsticks, compared, *_ahead(of_yardsticks, best, trained.best, metric))


def differences(scores: Scores, baseline: str, metric: Metric) -> dict[str, Difference]:
    """How far each model that has the cases of `baseline`, a model, is ahead of it over these."""
    found = by_model(scores)
    cases = found.get(baseline, {}).keys()
    models = [model for model, own in found.items() if model != baseline and own.keys() >= cases]
    if not cases or not models:
        return {}
    means = _means(found, [baseline, *models], cases)
    return dict(zip(models, intervals(_sign(metric) * (means[:, 1:] - means[:, :1])), strict=True))


def improvement(before: Scores, after: Scores, metric: Metric) -> Difference:
    """How far the scores `after` are ahead of those `before`, of the same draws, compared as two models are; their own
    models and budgets do not matter."""
    named: dict[Cell, float] = {cell._replace(model="before", size=0): score for cell, score in before.items()}
    named |= {cell._replace(model="after", size=0): score for cell, score in after.items()}
    return differences(named, "before", metric)["after"]


def mean_of(scores: Scores) -> float:
    """The mean of one model's scores over replicates."""
    return mean(_means({"": scores}, [""], scores.keys())[:, 0].tolist()) if scores else math.nan


def estimate(scores: Scores) -> Difference:
    """The mean of one model's scores over replicates, with its interval."""
    return intervals(_means({"": scores}, [""], scores.keys()))[0]


def replicated(cases: Collection[Cell]) -> str:
    """What is replicated: `items` where there are several, else `signals` that are not each seed's own, else `seeds`.

    Bands never are, nor fixed items.
    """
    counts = counted(cases)
    several = counts["item"] > 1 and not any(has_fixed_items(signal) for signal in {case.signal for case in cases})
    return "items" if several else "signals" if counts.get("signal", 1) > 1 else "seeds"


def _rank(scores: Scores, metric: Metric) -> Ranking | None:
    """scores: of models that have the same cases."""
    found = by_model(scores)
    if not found:
        return None
    compete, cases = sorted(found), next(iter(found.values())).keys()
    means = _means(found, compete, cases)
    sign, overall = _sign(metric), means.mean(axis=0)
    order = sorted(range(len(compete)), key=lambda i: -sign * overall[i])  # of equals the first by name
    leads = intervals(sign * (means[:, order[:1]] - means[:, order[1:]]))
    models = tuple(compete[i] for i in order)
    tied = tuple(model for model, apart in zip(models[1:], _told_apart(leads, metric), strict=True) if not apart)
    return Ranking(models, tuple(map(float, overall[order])), tuple(leads), tied, len(means), replicated(cases))


def _ahead(yardsticks: Scores, best: Scores, name: str, metric: Metric) -> tuple[str | None, Difference | None]:
    """The yardstick that is furthest ahead of the best trained model, called `name`, over its cases."""
    found = differences({**yardsticks, **best}, name, metric)
    adjusted = holm([difference.p for difference in found.values()])
    ahead = {
        model: difference
        for (model, difference), p in zip(found.items(), adjusted, strict=True)
        if difference.mean >= least(metric) and not p >= ALPHA
    }
    if not ahead:
        return None, None
    yardstick = max(sorted(ahead), key=lambda model: ahead[model].mean)
    return yardstick, ahead[yardstick]


def _means(scores: Mapping[str, Scores], models: Collection[str], cases: Collection[Cell]) -> np.ndarray:
    """Means within each replicate [replicates, models]: over its bands of the mean over their cases. scores: by model,
    then by case."""
    replicates = grouped(cases, REPLICATES[replicated(cases)]).values()
    by_band = [grouped(own, attrgetter("band")).values() for own in replicates]
    return np.array(
        [[mean(mean(scores[m][case] for case in own) for own in bands) for m in models] for bands in by_band]
    )


def _told_apart(leads: Sequence[Difference], metric: Metric) -> list[bool]:
    """Whether each model behind the best is told apart from it.

    A lead that rounds to 0 is none; one replicate has no spread that could make a lead uncertain.
    """
    adjusted = holm([lead.p for lead in leads], chosen=True)
    return [lead.mean >= least(metric) and not p >= ALPHA for lead, p in zip(leads, adjusted, strict=True)]


def least(metric: Metric) -> float:
    """The least difference that does not round to 0."""
    return 0.5 * 10**-metric.digits


def _sign(metric: Metric) -> int:
    return 1 if metric.higher_is_better else -1
