"""Which run would say most after this one, on a user's own signals."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.analysis.comparison import Comparison, Place
from harness.analysis.own_file.budgets import rise
from harness.analysis.winner import ONE_DRAW, TIE, Outcome
from harness.analysis.wording import difference
from target_signals.tasks.metrics import METRICS

FEW, MANY = 3, 5  # seeds: after one draw, and where these tell nothing
RISES = 0.5  # dB a doubling, from which on more budget is worth a run
BITS = (4, 6, 8, 12, 16)  # of the files that are made


@dataclass(frozen=True)
class Available:
    """What a next run may use.

    seeds: that the presets have, in order. tuned: the preset of tuned settings for what was run, or None where there is
    none or it was used. bits: whether files can be made here. command: options that change → a command line.
    """

    seeds: Sequence[int]
    tuned: str | None
    bits: bool
    command: Callable[[Mapping[str, Any]], str]


class Advice(NamedTuple):
    """A run that is worth making. rank: the less, the sooner. why: ends a line that begins with `as`."""

    rank: int
    why: str
    options: Mapping[str, Any]


def advise(
    comparison: Comparison, size: int, band: float | None, outcome: Outcome, available: Available
) -> list[Advice]:
    """What is worth running after the largest budget at which somebody has scores."""
    if outcome.first is None:
        return []
    place = Place(outcome.first.best, size, band)
    found = [
        _seeds(comparison, outcome, available),
        _tuned(available),
        _budget(comparison, place) if outcome.trained else None,
        _bits(comparison, place) if available.bits else None,
    ]
    return [Advice(rank, *one) for rank, one in enumerate(found) if one is not None]


Reasoned = tuple[str, Mapping[str, Any]]


def _seeds(comparison: Comparison, outcome: Outcome, available: Available) -> Reasoned | None:
    """More seeds, where they are what is replicated and the best trained model does not win yet."""
    ranking = outcome.trained
    if ranking is None or ranking.over != "seeds" or ranking.verdict not in (ONE_DRAW, TIE):
        return None
    known = list(dict.fromkeys(draw.seed for draw in comparison.draws))
    wanted = FEW if ranking.verdict == ONE_DRAW else MANY
    more = [seed for seed in available.seeds if seed not in known][: max(0, wanted - len(known))]
    if not more:
        return None
    tied = f"{ranking.best} is not told apart from {ranking.tied[0]}" if ranking.tied else ""
    return tied or f"one draw cannot tell {ranking.best}'s lead from chance", {"seeds": [*known, *more]}


def _tuned(available: Available) -> Reasoned | None:
    if available.tuned is None:
        return None
    return "these are the papers' settings, and tuned ones are here", {"preset": available.tuned}


def _budget(comparison: Comparison, place: Place) -> Reasoned | None:
    """The next budget, while the last doubling brought something beyond chance."""
    found = rise(comparison, place)
    if found is None:
        return _another_budget(comparison, place) if len(comparison.sizes) == 1 else None
    doubtful = found.a_doubling.n > 1 and not found.a_doubling.certain
    if doubtful or found.a_doubling.mean < RISES or found.next is None:
        return None
    by = difference(found.a_doubling, METRICS["psnr"])
    return f"{place.model} still rises by {by} a doubling", {"sizes": [*comparison.sizes, found.next]}


def _another_budget(comparison: Comparison, place: Place) -> Reasoned:
    """Twice the only one, or half of it where the signal has fewer values than that."""
    values = min(math.prod(row["shape"]) for row in comparison.runs(place).values() if row["shape"])
    sizes = [place.size, 2 * place.size] if 2 * place.size <= values else [place.size // 2, place.size]
    return "one budget does not show what more would bring", {"sizes": sizes}


def _bits(comparison: Comparison, place: Place) -> Reasoned | None:
    """Files of the best model, where there are none; its rows are made again with them."""
    if all(isinstance(row.get("rates"), list) for row in comparison.ended(place)):
        return None
    options = {"models": [place.model], "sizes": [place.size], "bits": BITS, "force": True}
    return "what it takes as a file is not known yet", options
