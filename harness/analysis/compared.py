"""What is compared at a place: the one rule for which models and draws a winner, a rank or a mean is over.

Rows arrive over time, so at any time some models lack draws (a band, item and seeds) that others have. Means over
different draws do not compare: one band is 20 dB harder than another. A place is therefore compared over draws that
every compared model has:

1. A draw at which one of several models alone has a run compares nothing.
2. As long as some draw or model lacks half or more of the runs that it could have, the emptiest are left out: draws
   that most models lack, such as a band that three of nine models have, and models that lack most draws.
3. Of the models, those with a score at every draw that is left compete. A run that failed is no missing one: its model
   could have been asked there, so that the draw stays and the model does not compete.

Draws are chosen by the trained models alone, of these by those without a failure, as far as there are any; their scores
play no part. What is left out is kept here, and said by `harness.analysis.left_out` wherever a place is shown.
"""

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from harness.analysis.cell import Cell

M = TypeVar("M", bound=Hashable)
D = TypeVar("D", bound=Hashable)
Runs = Mapping[Cell, float]  # those that have a score, and with NaN those that failed
MOST = 0.5  # what lacks this share of its runs is left out


@dataclass(frozen=True)
class Compared:
    """The models that compete at a place, and the draws, which are cells without their model, that they are compared
    over.

    absent: models that have no run there. lacking: of every other model that does not compete, how many of the draws it
    has no run at, and at how many it failed; without any draw, of those that are left out, which are `dropped`.
    """

    models: tuple[str, ...]
    draws: frozenset[Cell]
    absent: tuple[str, ...]
    lacking: Mapping[str, tuple[int, int]]
    dropped: frozenset[Cell]

    @property
    def every(self) -> int:
        """How many models there are, competing or not."""
        return len(self.models) + len(self.absent) + len(self.lacking)

    @property
    def few(self) -> bool:
        """Whether most of the models do not compete, so that who is best there says little of them."""
        return 2 * len(self.models) < self.every

    def only(self, runs: Runs) -> dict[Cell, float]:
        """The scores among these runs that are at the draws compared; all scores where no draw is."""
        draws = self.draws or self.dropped
        return {c: score for c, score in runs.items() if math.isfinite(score) and c.of_any_model in draws}


def compare(runs: Runs, classical: Collection[str] = (), models: Collection[str] = ()) -> Compared:
    """Choose what is compared among the runs of one place.

    classical: models that are yardsticks. models: those that could have runs there; others are taken from the runs.
    """
    by_model: dict[str, dict[Cell, float]] = {}
    for cell, score in runs.items():
        by_model.setdefault(cell.model, {})[cell.of_any_model] = score
    sort = {model: own for model, own in by_model.items() if model not in classical} or by_model
    scored = {draw for own in sort.values() for draw, score in own.items() if math.isfinite(score)}
    choosing = {model: own for model, own in sort.items() if all(map(math.isfinite, own.values()))} or sort
    draws = complete_enough({model: own.keys() & scored for model, own in choosing.items()})
    every = scored or {draw for own in sort.values() for draw in own}
    compete, lacking = [], {}
    for model, own in by_model.items():
        missing = len((draws or every) - own.keys())
        failed = sum(draw in own and not math.isfinite(own[draw]) for draw in draws or every)
        if draws and not missing and not failed:
            compete.append(model)
        else:
            lacking[model] = missing, failed
    absent = tuple(model for model in dict.fromkeys(models) if model not in by_model)
    return Compared(tuple(compete), frozenset(draws), absent, lacking, frozenset(every - draws))


def complete_enough(present: Mapping[M, Collection[D]]) -> set[D]:
    """The draws, of those at which each model is present, that a comparison is over: steps 1 and 2 of the rule."""
    models = {model: {*own} for model, own in present.items() if own}
    draws = {draw for own in models.values() for draw in own}
    if len(models) > 1:
        draws = {draw for draw in draws if sum(draw in own for own in models.values()) > 1}
    while draws and models:
        lack = {draw: sum(draw not in own for own in models.values()) / len(models) for draw in draws}
        lacks = {model: len(draws - own) / len(draws) for model, own in models.items()}
        emptiest = max(*lack.values(), *lacks.values())
        if emptiest < MOST:
            break
        if emptiest in lack.values():  # of equals the draws go, so that more models stay
            draws = {draw for draw in draws if lack[draw] < emptiest}
        else:
            models = {model: own for model, own in models.items() if lacks[model] < emptiest}
    return draws
