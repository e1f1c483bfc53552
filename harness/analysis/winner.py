"""Who is best at a place, by how much, and whether that outlasts the spread over draws."""

import math
import statistics
from dataclasses import dataclass

from harness.analysis.comparison import Comparison, Draw, Place, mean
from target_signals.tasks.metrics import METRICS

Scores = dict[Draw, float]


@dataclass(frozen=True)
class Outcome:
    """The best model by its mean score over draws, and the next.

    lead: how far the best is ahead of the runner-up, as a mean over the draws that both have; never
    less than 0 by more than rounding where both have the same draws. tied: the lead is not larger
    than its standard deviation over those draws, or too small for the digits that are shown.
    partial: draws are missing.
    """

    winner: str
    score: float
    runner_up: str | None
    lead: float
    tied: bool
    partial: bool


def contest(comparison: Comparison, size: int, band: float, item: str | None = None) -> Outcome | None:
    """The outcome among the models with the most runs, over one item's draws or all; None without scores.

    A model that failed on some draws does not compete: its mean would be over the easier ones.
    """
    entries = {model: _scores(comparison, Place(model, size, band), item) for model in comparison.models}
    most = max(map(len, entries.values()), default=0)
    if not most:
        return None
    metric = METRICS[comparison.metric]
    sign = 1 if metric.higher_is_better else -1
    complete = {model: scores for model, scores in entries.items() if len(scores) == most}
    ranked = sorted(complete, key=lambda model: -sign * mean(complete[model].values()))  # stable: ties keep their order
    best = complete[ranked[0]]
    draws = [draw for draw in comparison.draws if item in (None, draw.item)]
    runner_up = ranked[1] if len(ranked) > 1 else None
    leads = _leads(best, complete[runner_up], sign) if runner_up else []
    lead = mean(leads)
    spread = statistics.stdev(leads) if len(leads) > 1 else 0.0
    tied = bool(leads) and lead <= max(spread, 0.5 * 10**-metric.digits)
    return Outcome(ranked[0], mean(best.values()), runner_up, lead, tied, most < len(draws))


def left_out(comparison: Comparison, size: int, band: float, item: str | None = None) -> list[str]:
    """The models that do not compete, as they have scores and yet fewer than others."""
    counts = {model: len(_scores(comparison, Place(model, size, band), item)) for model in comparison.models}
    return [model for model, count in counts.items() if 0 < count < max(counts.values())]


def _scores(comparison: Comparison, place: Place, item: str | None) -> Scores:
    return {draw: score for draw, score in comparison.scores(place).items() if item in (None, draw.item)}


def _leads(best: Scores, other: Scores, sign: int) -> list[float]:
    leads = [sign * (best[draw] - other[draw]) for draw in best.keys() & other.keys()]
    return [lead for lead in leads if math.isfinite(lead)]
