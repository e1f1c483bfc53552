"""Outcomes in the words and signs that every display uses."""

import math
from collections.abc import Iterable, Mapping

from common.words import NO_SCORE
from harness.analysis.left_out import Where, left_out
from harness.analysis.significance import Difference
from harness.analysis.winner import ALONE, ONE_DRAW, TIE, Outcome
from target_signals.tasks.metrics import Metric

TIED, YARDSTICK = "≈", "†"
MEANINGS = {
    TIED: "not told apart from the best at 5 %, over {over}, or its lead rounds to 0",
    ONE_DRAW: "no spread that could tell a win from a tie",
    YARDSTICK: "a yardstick, which is not trained, named where it is ahead beyond chance, or of one draw",
}


def alone(what: str) -> str:
    """What follows a score with which none is compared. what: `trained model` or `yardstick`."""
    return f"; no other {what} to compare with"


def named(outcome: Outcome) -> str:
    """`Grid`, `Grid ≈ Wire and 1 more`, `Grid (one draw)`; with `, Wavelet †` where a yardstick leads; or nothing."""
    return _best(outcome) + (f", {outcome.yardstick} {YARDSTICK}" if outcome.yardstick else "")


def told(outcome: Outcome, metric: Metric) -> str:
    """`Grid: 20.0 dB, 1.2 dB [0.4, 2.0] ahead of Siren; Wavelet † 3.0 dB [1.0, 5.0] ahead`; `–` for nobody."""
    first = outcome.first
    if first is None:
        return NO_SCORE
    unit = f" {metric.unit}" if metric.unit else ""
    score = f"{_best(outcome)}: {metric.text(first.means[0])}{unit}"
    if first.verdict == ALONE:
        score += alone("trained model" if outcome.trained else "yardstick")
    else:
        score += f", {difference(first.leads[0], metric)} ahead of {first.models[1]}"
    ahead = f"; {outcome.yardstick} {YARDSTICK} {difference(outcome.ahead, metric)} ahead" if outcome.ahead else ""
    return score + ahead


def _best(outcome: Outcome) -> str:
    first = outcome.first
    if first is None:
        return ""
    name = first.best + ("" if outcome.trained else f" {YARDSTICK}")
    if first.verdict == TIE:
        return f"{name} {TIED} {first.tied[0]}" + (f" and {len(first.tied) - 1} more" if len(first.tied) > 1 else "")
    return f"{name} ({ONE_DRAW})" if first.verdict == ONE_DRAW else name


def difference(found: Difference, metric: Metric) -> str:
    """`1.2 dB [0.4, 2.0]`; without the interval where one replicate leaves none."""
    unit = f" {metric.unit}" if metric.unit else ""
    reach = "" if math.isnan(found.low) else f" [{_end(found.low, metric)}, {_end(found.high, metric)}]"
    return f"{metric.text(found.mean)}{unit}{reach}"


def _end(value: float, metric: Metric) -> str:
    """An end of an interval. What would read 0 and is not, has the digit that tells on which side of 0 it is."""
    finer = metric._replace(digits=metric.digits + 1)
    return (finer if round(value, metric.digits) == 0 != round(value, finer.digits) else metric).text(value)


def interval_note(outcomes: Iterable[Outcome]) -> list[str]:
    """What square brackets hold behind these, and over how many replicates; nothing where one replicate leaves none.

    Where some model is tied though such an interval leaves out 0, a reader has to know why.
    """
    rankings = [one.first for one in outcomes if one.first and one.first.replicates > 1]
    over = sorted({(ranking.replicates, ranking.over) for ranking in rankings})
    if not over:
        return []
    said = f"[ ] 95 % interval over {' or '.join(f'{count} {noun}' for count, noun in over)}"
    tied = any(one.tied for one in rankings)
    return [f"{said}, each for itself; {TIED} is corrected for all pairs of models" if tied else said]


def notes(outcomes: Mapping[Where, Outcome]) -> list[str]:
    """What the signs mean that `named` gives these, and what is not compared."""
    found = list(outcomes.values())
    rankings = [outcome.first for outcome in found if outcome.first]
    verdicts = {ranking.verdict for ranking in rankings}
    said: list[str] = []
    if TIE in verdicts:
        over = sorted({ranking.over for ranking in rankings if ranking.verdict == TIE})
        said.append(f"{TIED} {MEANINGS[TIED].format(over=' or '.join(over))}")
    if ONE_DRAW in verdicts:
        said.append(f"{ONE_DRAW}: {MEANINGS[ONE_DRAW]}")
    if any(outcome.yardstick or (outcome.yardsticks and not outcome.trained) for outcome in found):
        said.append(f"{YARDSTICK} {MEANINGS[YARDSTICK]}")
    return said + left_out(outcomes)
