"""How far experiments reach: which cells have rows, which are missing between them, which the preset still plans.

Of a model of one's own the rows are of one version of its file, the latest that ran, and of a signal's likewise: no
line mixes versions.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.analysis.cell import Cell, Draw, Kind, cell_of, kind_of
from harness.analysis.palette import YARDSTICKS
from harness.plan.config import Config
from harness.store.schema import SCORES, Row
from target_signals.base import known_family
from target_signals.item_names import names_of

NOT_OF_A_RING = dict.fromkeys((*SCORES, "psnr_constant"))


@dataclass(frozen=True)
class Experiment:
    """Those of some rows that are of one kind, by cell.

    latest, older: their places in `rows`; the older ones are of a cell that has a later one, or of an earlier version
    of one's own file. planned: trained models that it is to have (`planned_models`). title: the kind's, with the digits
    of a file's content where another file has its name.
    """

    kind: Kind
    rows: Sequence[Row]  # those of all experiments
    latest: dict[Cell, int]
    older: tuple[int, ...]
    planned: tuple[str, ...] = ()
    title: str = ""

    def __str__(self) -> str:
        return f"{self.title}, {self.kind.rest}"

    @property
    def first(self) -> int:
        """The place of the first of its rows."""
        return min(itertools.chain(self.older, self.latest.values()))

    @cached_property
    def by_cell(self) -> dict[Cell, Row]:
        """The latest rows."""
        return {cell: self.rows[i] for cell, i in self.latest.items()}

    @cached_property
    def models(self) -> list[str]:
        return list(dict.fromkeys(cell.model for cell in self.latest))

    @cached_property
    def sizes(self) -> list[int]:
        return sorted({cell.size for cell in self.latest})

    @cached_property
    def bands(self) -> list[float | None]:
        return sorted({cell.band for cell in self.latest}, key=lambda band: (band is None, band))

    @cached_property
    def draws(self) -> list[Draw]:
        return list(dict.fromkeys(cell.draw for cell in self.latest))

    @cached_property
    def item_names(self) -> dict[str, str]:
        """What people call the items."""
        return names_of({cell.item for cell in self.latest if cell.item is not None})

    def where(self, keep: Callable[[Cell], bool]) -> "Experiment":
        """The same of some cells."""
        return dataclasses.replace(self, latest={cell: i for cell, i in self.latest.items() if keep(cell)})

    def missing(self) -> list[Cell]:
        """The cells between those that have rows: every model, budget, band and draw that occurs, combined."""
        return self._lacking(self.models, self.sizes, self.bands, self.draws)

    def left(self, config: Config) -> list[Cell] | None:
        """The cells of the preset's whole plan that have no row; None where the rows are of no preset as it stands."""
        if self.kind.preset not in config.presets:
            return None
        preset = config.preset(self.kind.preset, self.kind.signal, self.kind.dim)
        if preset.steps != self.kind.steps or self.kind.length not in preset.length.values():
            return None  # run with --steps or --length of its own
        usual = [*config.protocol.models, *config.protocol.of_task.get(self.kind.task, ())]
        models = list(dict.fromkeys([*usual, *self.models]))
        bands = self.bands if self.bands == [None] else preset.bandlimits
        items: Sequence[str | None] = list(dict.fromkeys(draw.item for draw in self.draws))
        if items != [None]:
            items = preset.items or getattr(known_family(self.kind.signal), "items", ()) or items
        draws = [Draw(item, *seeds, self.kind.signal) for item, seeds in itertools.product(items, preset.seed_pairs)]
        return self._lacking(models, preset.sizes, bands, draws)

    def _lacking(
        self, models: Iterable[str], sizes: Iterable[int], bands: Iterable[float | None], draws: Iterable[Draw]
    ) -> list[Cell]:
        """The cells of all of these combined, in the order of a plan, that have no row."""
        every = itertools.product(bands, draws, sizes, models)
        cells = (Cell(model, size, band, *draw) for band, draw, size, model in every)
        return [cell for cell in cells if cell not in self.latest]


def experiments(rows: Sequence[Row], order: Sequence[str] = (), config: Config | None = None) -> list[Experiment]:
    """The rows' experiments, in alphabetical order; models in `order`, then as they come.

    config: the settings file that says what is planned; None where that does not matter.
    """
    place = {model: i for i, model in enumerate(order)}
    by_age = sorted(range(len(rows)), key=lambda i: rows[i]["started"])
    kinds = [kind_of(row) for row in rows]
    of_signal = {kinds[i]: rows[i].get("signal_code") for i in by_age}  # of the latest row
    of_model = {(kinds[i], rows[i]["model"]): rows[i].get("model_code") for i in by_age}
    latest: dict[Kind, dict[Cell, int]] = {}
    older: dict[Kind, list[int]] = {}
    for i in by_age:
        row, kind, cell = rows[i], kinds[i], cell_of(rows[i])
        now = of_signal[kind], of_model[kind, row["model"]]
        cells_of_kind = latest.setdefault(kind, {})
        if (row.get("signal_code"), row.get("model_code")) != now:
            older.setdefault(kind, []).append(i)
            continue
        if cell in cells_of_kind:
            older.setdefault(kind, []).append(cells_of_kind[cell])
        cells_of_kind[cell] = i
    names = names_of({kind.dataset for kind in latest if kind.dataset is not None})
    return [
        Experiment(
            kind,
            rows,
            dict(sorted(latest[kind].items(), key=lambda entry: place.get(entry[0].model, len(place)))),
            tuple(older.get(kind, ())),
            () if config is None else planned_models(kind, config),
            kind.title if kind.dataset is None else names[kind.dataset],
        )
        for kind in sorted(latest, key=_alphabetical)
    ]


def planned_models(kind: Kind, config: Config) -> tuple[str, ...]:
    """The trained models of the protocol, where the reference results are to have an experiment; else none."""
    wanted = config.reference.wants(kind.preset, kind.dim, kind.signal)
    return tuple(model for model in config.protocol.models if wanted and model not in YARDSTICKS)


def with_rings(experiment: Experiment) -> Experiment:
    """An experiment in which the rings of a signal are bands 0.1, 0.2 … as well, with rows of their own; the same
    where there are none."""
    count = max((len(row.get("psnr_rings") or ()) for row in experiment.by_cell.values()), default=0)
    if not count:
        return experiment
    latest, rows = dict(experiment.latest), list(experiment.rows)
    for cell, row in experiment.by_cell.items():
        rings = row.get("psnr_rings") or ()  # a failed run has none of its own
        for ring in range(count):
            latest[cell._replace(band=(ring + 1) / 10)] = len(rows)
            rows.append(row | NOT_OF_A_RING | {"psnr": rings[ring] if ring < len(rings) else None})
    return dataclasses.replace(experiment, rows=rows, latest=latest)


def _alphabetical(kind: Kind) -> tuple[Any, ...]:
    return (kind.dim, *((value is not None, value) for value in (kind.signal, kind.task, kind.preset)), str(kind))
