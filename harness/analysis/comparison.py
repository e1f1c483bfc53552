"""A comparison: the runs that stand in one figure, and what each cell of it says.

The items of a signal (images of one set) and the seeds are draws: a cell's score is the mean over its draws.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from harness.analysis.cell import Cell, Draw, Kind
from harness.analysis.compared import Compared, compare
from harness.analysis.palette import place_of
from harness.analysis.spread import mean
from harness.analysis.winner import BASELINE, Outcome, decide
from harness.store.schema import OK, UNSUPPORTED
from target_signals.base import Difficulty, difficulty_of
from target_signals.item_names import names_of
from target_signals.tasks.metrics import METRICS

WHOLE = math.inf  # the band of a score over the whole signal: it sorts behind the named ones


class Place(NamedTuple):
    """One cell of a figure."""

    model: str
    size: int  # the parameter budget
    band: float


class Run(NamedTuple):
    """What one draw left in a cell; a score that does not exist is NaN."""

    status: str
    reason: str
    score: float
    constant: float  # the score of the constant mean
    row: dict[str, Any]  # all columns, for what is not a score

    @property
    def timed(self) -> bool:
        """Whether it ended well and its seconds are known."""
        seconds = self.row["seconds"]
        return self.status == OK and seconds is not None and math.isfinite(seconds) and seconds > 0


@dataclass(frozen=True)
class Comparison:
    """The runs that are drawn together.

    kind: what the rows share. models: those that have rows, in the order they are drawn. palette: every model of the
    protocol and of the whole table, so that a model looks the same in all figures; classical: those of the table that
    are yardsticks.
    cells: the runs at each place by draw.
    passed_over: how many rows were older than another one of the same cell. of_reference: models whose rows come with
    the suite.
    """

    kind: Kind
    stands_for: str  # the signal whose place it takes, or nothing
    metric: str
    models: tuple[str, ...]
    palette: tuple[str, ...]
    classical: frozenset[str]
    cells: dict[Place, dict[Draw, Run]]
    passed_over: int
    of_reference: frozenset[str] = frozenset()

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        return tuple(sorted({place.size for place in self.cells}))

    @cached_property
    def regions(self) -> tuple[float, ...]:
        """The named bands in their order, then WHOLE where the whole signal has a score."""
        return tuple(sorted({place.band for place in self.cells}))

    @property
    def bands(self) -> tuple[float, ...]:
        return tuple(band for band in self.regions if band != WHOLE)

    @cached_property
    def difficulty(self) -> Difficulty:
        """What the bands are called."""
        return difficulty_of(self.kind.signal)

    @cached_property
    def draws(self) -> tuple[Draw, ...]:
        return tuple(sorted({draw for runs in self.cells.values() for draw in runs}))

    @cached_property
    def item_names(self) -> dict[str, str]:
        """What people call the items."""
        return names_of({draw.item for draw in self.draws if draw.item is not None})

    def only(self, models: Collection[str], sizes: Collection[int]) -> "Comparison":
        """The same of some models and budgets; the rest keeps its place among colours and markers."""
        cells = {place: runs for place, runs in self.cells.items() if place.model in models and place.size in sizes}
        return replace(self, models=tuple(model for model in self.models if model in models), cells=cells)

    def trials(self, model: str) -> list[Place]:
        """The places that tell a model's trials apart: regions of one signal come from one fit."""
        bands = (WHOLE,) if WHOLE in self.regions else self.bands
        return [Place(model, size, band) for size in self.sizes for band in bands]

    @cached_property
    def timed(self) -> list[Run]:
        """Every run that was timed, once."""
        places = [place for model in self.models for place in self.trials(model)]
        return [run for place in places for run in self.runs(place).values() if run.timed]

    @cached_property
    def machine(self) -> str:
        """The device with the most timed runs; empty where nothing was timed."""
        devices = Counter(str(run.row["device"]) for run in self.timed)
        return devices.most_common(1)[0][0] if devices else ""

    def of_fits(self) -> "Comparison":
        """The same without the regions of a signal, for what is known of a whole fit alone, such as its seconds."""
        return replace(
            self, cells={p: runs for p, runs in self.cells.items() if p.band == WHOLE or WHOLE not in self.regions}
        )

    def looks(self, model: str) -> tuple[int, bool]:
        """What style.line asks of a model: its place among those of its sort, and whether that is classical."""
        return place_of(model, self.palette, self.classical)

    def runs(self, place: Place) -> dict[Draw, Run]:
        return self.cells.get(place, {})

    def scores(self, place: Place) -> dict[Draw, float]:
        """The scores of the runs that ended well, at the draws that are compared there."""
        return {cell.draw: score for cell, score in self.scored(place.size, place.band, [place.model]).items()}

    def outcome(self, size: int, band: float, item: str | None = None) -> Outcome:
        """Who is best at a budget and band, over one item's draws or all."""
        tried = self._tried(size, band, self.models).items()
        runs = {cell: score for cell, score in tried if item in (None, cell.item)}
        return decide(runs, self.classical, METRICS[self.metric], self._able(size, band))

    def scored(self, size: int, band: float, models: Sequence[str] | None = None) -> dict[Cell, float]:
        """The scores at a budget and band, of some models or all, at the draws that are compared there."""
        compared = self._compared.get((size, band))
        return {} if compared is None else compared.only(self._tried(size, band, models or self.models))

    @cached_property
    def _compared(self) -> dict[tuple[int, float], Compared]:
        """What is compared at each budget and band."""
        places = dict.fromkeys((place.size, place.band) for place in self.cells)
        return {place: compare(self._tried(*place, self.models), self.classical) for place in places}

    def _tried(self, size: int, band: float, models: Sequence[str]) -> dict[Cell, float]:
        """The scores at a budget and band; NaN of the runs that failed."""
        return {
            Cell(model, size, band, *draw): run.score if run.status == OK else math.nan
            for model in models
            for draw, run in self.runs(Place(model, size, band)).items()
            if run.status != UNSUPPORTED and (run.status != OK or math.isfinite(run.score))
        }

    def _able(self, size: int, band: float) -> list[str]:
        """The models that could have runs at a budget and band: all but those that cannot be asked there."""
        places = {model: self.runs(Place(model, size, band)).values() for model in self.models}
        return [model for model, runs in places.items() if not any(run.status == UNSUPPORTED for run in runs)]

    def leads(self, place: Place) -> dict[Draw, float]:
        """How far a model is ahead of the baseline, for each draw that ended well with both."""
        baseline = self.scores(place._replace(model=BASELINE))
        return {draw: score - baseline[draw] for draw, score in self.scores(place).items() if draw in baseline}

    def failure(self, place: Place) -> str | None:
        """The commonest status that is not ok; None where there is none."""
        statuses = Counter(run.status for run in self.runs(place).values() if run.status != OK)
        return statuses.most_common(1)[0][0] if statuses else None

    def constant(self, band: float) -> float:
        """The score of the constant mean, which depends on the signal's draws alone."""
        by_draw = {
            draw: run.constant
            for place, runs in self.cells.items()
            for draw, run in runs.items()
            if place.band == band and math.isfinite(run.constant)
        }
        return mean(by_draw.values())
