"""The comparisons among rows: which of them may stand in one figure, which are those of one experiment."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from common.process import without_collection
from harness.analysis.cell import Draw, fixed_items
from harness.analysis.comparison import WHOLE, Comparison, Place, Run
from harness.analysis.experiments import Experiment, experiments
from harness.analysis.palette import palette
from harness.analysis.reference_rows import reference_models
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
    return Comparison(
        kind=experiment.kind,
        stands_for=rows[min(experiment.places)]["stands_for"] or "",
        metric=metric,
        models=tuple(model for model in order if model in present),
        palette=colours,
        classical=classical,
        cells=_cells([rows[i] for i in sorted(experiment.latest.values())], metric),
        passed_over=len(experiment.older),
        of_reference=reference_models(rows[i] for i in experiment.places),
    )


def _cells(rows: Sequence[Row], metric: str) -> dict[Place, dict[Draw, Run]]:
    """Every row at its place; a row with rings also at the bands 0.1, 0.2 … that they stand for."""
    rings = [_rings(row["psnr_rings"]) if metric == "psnr" else [] for row in rows]
    count = max(map(len, rings))
    cells: dict[Place, dict[Draw, Run]] = {}
    for row, ring_scores in zip(rows, rings, strict=True):
        draw = Draw(row["item"] or "", row["seed"], row["signal_seed"], fixed_items(row["signal"]))
        band = WHOLE if row["bandlimit"] is None else float(row["bandlimit"])
        place = Place(row["model"], row["size"], band)
        constant = _number(row.get(f"{metric}_constant"))
        run = Run(row["status"], row["reason"] or "", _number(row[metric]), constant, row)
        cells.setdefault(place, {})[draw] = run
        padded = ring_scores + [math.nan] * (count - len(ring_scores))  # a failed run has no rings of its own
        for index, score in enumerate(padded):
            at_ring = cells.setdefault(place._replace(band=(index + 1) / 10), {})
            at_ring[draw] = run._replace(score=score, constant=math.nan)  # no row has the constant of a ring
    return cells


def _rings(value: Any) -> list[float]:
    return [_number(score) for score in value or ()]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
