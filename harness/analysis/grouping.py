"""The comparisons among rows: which of them may stand in one figure, which are those of one experiment."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from common.process import without_collection
from harness.analysis.cell import Draw
from harness.analysis.comparison import WHOLE, Comparison, Place, Run
from harness.analysis.experiments import Experiment, experiments
from harness.analysis.palette import palette
from harness.analysis.reference_rows import reference_models
from harness.analysis.rings import with_rings
from harness.store.schema import CLASSICAL, Row
from harness.store.table import oldest_first


@without_collection()
def comparisons(rows: Iterable[Row], models: Sequence[str] = (), metric: str = "psnr") -> list[Comparison]:
    """The rows' comparisons in the order of their oldest rows.

    models: an order to draw in; models that it does not name follow in order of appearance.
    """
    rows = oldest_first(rows)
    order = tuple(dict.fromkeys([*models, *(row["model"] for row in rows)]))
    colours = palette(models, (row["model"] for row in rows))
    classical = frozenset(row["model"] for row in rows if row["label"] == CLASSICAL)
    found = sorted(experiments(rows), key=lambda experiment: min(experiment.places))
    return [_comparison(experiment, rows, order, colours, classical, metric) for experiment in found]


def _comparison(
    experiment: Experiment,
    rows: Sequence[Row],
    order: tuple[str, ...],
    colours: tuple[str, ...],
    classical: frozenset[str],
    metric: str,
) -> Comparison:
    present = set(experiment.models)
    own, own_rows, _ = with_rings(experiment, rows) if metric == "psnr" else (experiment, rows, False)
    return Comparison(
        kind=experiment.kind,
        stands_for=rows[min(experiment.places)]["stands_for"] or "",
        metric=metric,
        models=tuple(model for model in order if model in present),
        palette=colours,
        classical=classical,
        cells=_cells(own, own_rows, metric),
        passed_over=len(experiment.older),
        of_reference=reference_models(rows[i] for i in experiment.places),
    )


def _cells(experiment: Experiment, rows: Sequence[Row], metric: str) -> dict[Place, dict[Draw, Run]]:
    """Every row at its place, in the order of time."""
    cells: dict[Place, dict[Draw, Run]] = {}
    for cell, i in sorted(experiment.latest.items(), key=lambda one: one[1]):
        row, place = rows[i], Place(cell.model, cell.size, WHOLE if cell.band is None else cell.band)
        run = Run(row["status"], row["reason"] or "", _number(row[metric]), _number(row.get(f"{metric}_constant")), row)
        cells.setdefault(place, {})[cell.draw] = run
    return cells


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
