"""What is compared at a place: the one rule for which models and cases a winner, a rank or a mean is over.

Rows arrive over time, so at any time some models lack cases (a band, item and seeds) that others have. Means over
different cases do not compare: one band is 20 dB harder than another. A place is therefore compared over cases that
every compared model has:

1. A case in which one of several models alone has a run compares nothing.
2. As long as some case or model lacks half or more of the runs that it could have, the emptiest are left out: cases
   that most models lack, such as a band that three of nine models have, and models that lack most cases.
3. Of the models, those with a score in every case that is left compete. A run that failed is no missing one: its model
   could have been asked there, so that the case stays and the model does not compete.

Cases are chosen by the trained models alone, of these by those without a failure, as far as there are any; their scores
play no part. What is left out is kept here, and said by `harness.analysis.left_out` wherever a place is shown.
"""

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from harness.analysis.cell import Cell

M = TypeVar("M", bound=Hashable)
C = TypeVar("C", bound=Hashable)
Runs = Mapping[Cell, float]  # those that have a score, and with NaN those that failed
MOST = 0.5  # what lacks this share of its runs is left out


@dataclass(frozen=True)
class ComparedModels:
    """The models that compete at a place, and the cases that they are compared in.

    absent: models that have no run there. lacking: of every other model that does not compete, how many of the cases it
    has no run in, and in how many it failed; without any case, of those that are left out, which are `dropped`.
    """

    models: tuple[str, ...]
    cases: frozenset[Cell]
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

    @property
    def shown(self) -> frozenset[Cell]:
        """The cases that means are over: those compared; all where none is."""
        return self.cases or self.dropped

    @property
    def bands(self) -> int:
        """Over how many bands means there are."""
        return len({case.band for case in self.shown})

    def only(self, runs: Runs) -> dict[Cell, float]:
        """The scores among these runs that are of the cases shown."""
        cases = self.shown
        return {c: score for c, score in runs.items() if math.isfinite(score) and c.case in cases}


def compare(runs: Runs, classical: Collection[str] = (), models: Collection[str] = ()) -> ComparedModels:
    """Choose what is compared among the runs of one place.

    classical: models that are yardsticks. models: those that could have runs there; others are taken from the runs.
    """
    every_model = by_model(runs)
    sort = {model: own for model, own in every_model.items() if model not in classical} or every_model
    scored = {case for own in sort.values() for case, score in own.items() if math.isfinite(score)}
    choosing = {model: own for model, own in sort.items() if all(map(math.isfinite, own.values()))} or sort
    cases = complete_enough({model: own.keys() & scored for model, own in choosing.items()})
    every = scored or {case for own in sort.values() for case in own}
    compete, lacking = [], {}
    for model, own in every_model.items():
        missing = len((cases or every) - own.keys())
        failed = sum(case in own and not math.isfinite(own[case]) for case in cases or every)
        if cases and not missing and not failed:
            compete.append(model)
        else:
            lacking[model] = missing, failed
    absent = tuple(model for model in dict.fromkeys(models) if model not in every_model)
    return ComparedModels(tuple(compete), frozenset(cases), absent, lacking, frozenset(every - cases))


def by_model(runs: Runs) -> dict[str, dict[Cell, float]]:
    """Each model's scores by case, which is the cell without its model."""
    found: dict[str, dict[Cell, float]] = {}
    for cell, score in runs.items():
        found.setdefault(cell.model, {})[cell.case] = score
    return found


def complete_enough(present: Mapping[M, Collection[C]]) -> set[C]:
    """The cases, of those in which each model is present, that a comparison is over: steps 1 and 2 of the rule."""
    models = {model: {*own} for model, own in present.items() if own}
    cases = {case for own in models.values() for case in own}
    if len(models) > 1:
        cases = {case for case in cases if sum(case in own for own in models.values()) > 1}
    while cases and models:
        lack = {case: sum(case not in own for own in models.values()) / len(models) for case in cases}
        lacks = {model: len(cases - own) / len(cases) for model, own in models.items()}
        emptiest = max(*lack.values(), *lacks.values())
        if emptiest < MOST:
            break
        if emptiest in lack.values():  # of equals the cases go, so that more models stay
            cases = {case for case in cases if lack[case] < emptiest}
        else:
            models = {model: own for model, own in models.items() if lacks[model] < emptiest}
    return cases
