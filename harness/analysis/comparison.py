"""A comparison: an experiment by one metric, as figures draw it. The items of a signal (images of one set) and the
seeds are draws.

Which cases are compared at a place, the mean over them and who is best there are those of `harness.analysis.means`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from common.process import without_collection
from harness.analysis.cell import Cell, Draw, Kind
from harness.analysis.experiments import Experiment, experiments, with_rings
from harness.analysis.means import Means, means
from harness.analysis.palette import palette, place_of
from harness.analysis.winner import BASELINE, Outcome, mean_of
from harness.store.facts import finite, was_timed
from harness.store.schema import CLASSICAL, OK, Row
from harness.store.table import oldest_first
from target_signals.base import Difficulty, difficulty_of


class Place(NamedTuple):
    """One cell of a figure."""

    model: str
    size: int  # the parameter budget
    band: float | None  # None: the whole signal


@dataclass(frozen=True)
class Comparison:
    """The rows that are drawn together.

    experiment: with models in the order they are drawn, and rings as bands. palette: every model of the protocol and of
    the whole table, so that a model looks the same in all figures; classical: those of the table that are yardsticks.
    """

    experiment: Experiment
    metric: str
    palette: tuple[str, ...]
    classical: frozenset[str]

    @property
    def kind(self) -> Kind:
        return self.experiment.kind

    @property
    def stands_for(self) -> str:
        """The signal whose place it takes, or nothing."""
        return self.experiment.rows[self.experiment.first]["stands_for"] or ""

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.experiment.models)

    @property
    def of_reference(self) -> frozenset[str]:
        """Models whose rows come with the suite."""
        return self._means.of_reference

    @property
    def passed_over(self) -> int:
        """How many rows were older than another one of the same cell."""
        return len(self.experiment.older)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(self.experiment.sizes)

    @property
    def regions(self) -> tuple[float | None, ...]:
        """The named bands in their order, then None where the whole signal has a score."""
        return tuple(self.experiment.bands)

    @property
    def bands(self) -> tuple[float, ...]:
        return tuple(band for band in self.regions if band is not None)

    @cached_property
    def difficulty(self) -> Difficulty:
        """What the bands are called."""
        return difficulty_of(self.kind.signal)

    @cached_property
    def draws(self) -> tuple[Draw, ...]:
        return tuple(sorted(self.experiment.draws))

    @property
    def item_names(self) -> dict[str, str]:
        """What people call the items."""
        return self.experiment.item_names

    def where(self, keep: Callable[[Cell], bool]) -> "Comparison":
        """The same of some cells; each model keeps its place among colours and markers."""
        return replace(self, experiment=self.experiment.where(keep))

    def only(self, models: Collection[str], sizes: Collection[int]) -> "Comparison":
        """The same of some models and budgets."""
        return self.where(lambda cell: cell.model in models and cell.size in sizes)

    def of_fits(self) -> "Comparison":
        """The same without the regions of a signal, for what is known of a whole fit alone, such as its seconds."""
        return self.where(lambda cell: cell.band is None) if None in self.regions else self

    def trials(self, model: str) -> list[Place]:
        """The places that tell a model's trials apart: regions of one signal come from one fit."""
        bands = (None,) if None in self.regions else self.bands
        return [Place(model, size, band) for size in self.sizes for band in bands]

    @cached_property
    def timed(self) -> list[Row]:
        """The row of every run that was timed, once."""
        places = [place for model in self.models for place in self.trials(model)]
        return [row for place in places for row in self.runs(place).values() if was_timed(row)]

    @cached_property
    def machine(self) -> str:
        """The device with the most timed runs; empty where nothing was timed."""
        devices = Counter(str(row["device"]) for row in self.timed)
        return devices.most_common(1)[0][0] if devices else ""

    def looks(self, model: str) -> tuple[int, bool]:
        """What style.line asks of a model: its place among those of its sort, and whether that is classical."""
        return place_of(model, self.palette, self.classical)

    @cached_property
    def places(self) -> dict[Place, dict[Cell, Row]]:
        """The rows at each place."""
        found: dict[Place, dict[Cell, Row]] = {}
        for cell, row in self.experiment.by_cell.items():
            found.setdefault(Place(cell.model, cell.size, cell.band), {})[cell] = row
        return found

    def runs(self, place: Place) -> dict[Cell, Row]:
        return self.places.get(place, {})

    def run(self, place: Place, draw: Draw) -> Row | None:
        return self.experiment.by_cell.get(Cell(place.model, place.size, place.band, *draw))

    @cached_property
    def _means(self) -> Means:
        return means(self.experiment, ("model", "size", "band"), self.metric)

    @cached_property
    def _means_of_items(self) -> Means:
        return means(self.experiment, ("model", "size", "band", "item"), self.metric)

    @cached_property
    def _scores(self) -> dict[Place, dict[Cell, float]]:
        found: dict[Place, dict[Cell, float]] = {}
        for at, runs in self._means.runs.items():
            for cell, score in self._means.compared[at].only(runs).items():
                found.setdefault(Place(cell.model, cell.size, cell.band), {})[cell] = score
        return found

    def scores(self, place: Place) -> dict[Cell, float]:
        """The scores of the runs that ended well, in the cases that are compared there."""
        return self._scores.get(place, {})

    def ended(self, place: Place) -> list[Row]:
        """The rows of `scores`."""
        return [self.experiment.by_cell[cell] for cell in self.scores(place)]

    def outcome(self, size: int, band: float | None, item: str | None = None) -> Outcome:
        """Who is best at a budget and band, over one item's draws or all."""
        at = size, band
        return self._means.outcomes[at] if item is None else self._means_of_items.outcomes[(*at, item)]

    def leads(self, place: Place) -> dict[Cell, float]:
        """How far a model is ahead of the baseline, for each draw that ended well with both."""
        baseline = {cell.draw: score for cell, score in self.scores(place._replace(model=BASELINE)).items()}
        own = self.scores(place).items()
        return {cell: score - baseline[cell.draw] for cell, score in own if cell.draw in baseline}

    def failure(self, place: Place) -> str | None:
        """The commonest status that is not ok; None where there is none."""
        statuses = Counter(row["status"] for row in self.runs(place).values() if row["status"] != OK)
        return statuses.most_common(1)[0][0] if statuses else None

    def constant(self, place: Place) -> float:
        """The score of the constant mean in the cases that are compared at a place, whatever its model."""
        cases = self._means.compared[place.size, place.band].shown
        by_case = {
            cell.case: constant
            for model in self.models
            for cell, row in self.runs(place._replace(model=model)).items()
            if cell.case in cases and (constant := finite(row.get(f"{self.metric}_constant"))) is not None
        }
        return mean_of(by_case)


@without_collection()
def comparisons(rows: Iterable[Row], models: Sequence[str] = (), metric: str = "psnr") -> list[Comparison]:
    """The rows' comparisons in the order of their oldest rows.

    models: an order to draw in; models that it does not name follow in order of appearance.
    """
    rows = oldest_first(rows)
    order = tuple(dict.fromkeys([*models, *(row["model"] for row in rows)]))
    colours = palette(models, order)
    classical = frozenset(row["model"] for row in rows if row["label"] == CLASSICAL)
    found = sorted(experiments(rows, order), key=lambda experiment: experiment.first)
    shown = map(with_rings, found) if metric == "psnr" else found
    return [Comparison(experiment, metric, colours, classical) for experiment in shown]
