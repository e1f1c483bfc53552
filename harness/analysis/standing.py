"""Where each model stands at a place: its rank, and its differences to the best and to the baseline, with tests."""

from dataclasses import dataclass

from harness.analysis.compared import Runs
from harness.analysis.significance import Difference, holm
from harness.analysis.winner import BASELINE, Outcome, Scores, differences
from target_signals.tasks.metrics import Metric


@dataclass(frozen=True)
class Against:
    """A model's difference to another one, more being better whatever the metric.

    p: after Holm, over the comparisons of the place with that one; NaN for one replicate, and where none was made.
    """

    difference: Difference
    p: float


@dataclass(frozen=True)
class Standing:
    """rank: among the trained models that compete; None for others. best: against the best trained model.

    baseline: against BASELINE. Both are None where one of the two does not compete, and of that one itself.
    """

    rank: int | None
    best: Against | None
    baseline: Against | None


def standings(runs: Runs, outcome: Outcome, metric: Metric) -> dict[str, Standing]:
    """The standing of every model that has a score at a place, over the cases that are compared there."""
    scores, trained = outcome.compared.only(runs), outcome.trained
    ranks = {model: i for i, model in enumerate(trained.models if trained else (), start=1)}
    best = _to_best(scores, outcome, metric)
    there = BASELINE in outcome.compared.models
    baseline = _adjusted(differences(scores, BASELINE, metric), chosen=False) if there else {}
    models = dict.fromkeys(cell.model for cell in scores)
    return {model: Standing(ranks.get(model), best.get(model), baseline.get(model)) for model in models}


def _to_best(scores: Scores, outcome: Outcome, metric: Metric) -> dict[str, Against]:
    """The yardsticks' differences have no p: they are no candidates, and so no part of the family."""
    if outcome.trained is None:
        return {}
    found = differences(scores, outcome.trained.best, metric)
    candidates = {model: value for model, value in found.items() if model in outcome.trained.models}
    others = {model: Against(value, float("nan")) for model, value in found.items() if model not in candidates}
    return others | _adjusted(candidates, chosen=True)


def _adjusted(found: dict[str, Difference], chosen: bool) -> dict[str, Against]:
    adjusted = holm([value.p for value in found.values()], chosen)
    return {model: Against(value, p) for (model, value), p in zip(found.items(), adjusted, strict=True)}
