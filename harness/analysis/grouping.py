"""The comparisons in a table of rows: which rows may stand in one figure.

Rows are compared when they share signal, dimension, task, preset, length and steps, and of somebody's own files the
data set.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.analysis.comparison import WHOLE, Comparison, Place, Run
from harness.analysis.experiments import Draw, dataset_of
from harness.analysis.palette import palette
from harness.store.schema import CLASSICAL
from harness.store.table import records

KIND = ["signal", "dim", "task", "preset", "length", "steps"]
CELL = ["item", "bandlimit", "model", "size", "seed", "signal_seed"]


def comparisons(table: pd.DataFrame, models: Sequence[str] | None = None, metric: str = "psnr") -> list[Comparison]:
    """The table's comparisons in the order of their first rows.

    models: an order to draw in; models that it does not name follow in order of appearance.
    """
    if table.empty:
        return []
    order = tuple(dict.fromkeys([*(models or []), *table["model"]]))
    colours = palette(models or [], table["model"])
    classical = frozenset(table["model"][table["label"] == CLASSICAL])
    datasets = [dataset_of(row) for row in records(table[["signal", "item", "dataset"]])]
    groups = table.groupby([*KIND, pd.Series(datasets, table.index, dtype=object)], dropna=False, sort=False)
    return [_comparison(rows.reset_index(drop=True), order, colours, classical, metric) for _, rows in groups]


def _comparison(
    rows: pd.DataFrame, order: tuple[str, ...], colours: tuple[str, ...], classical: frozenset[str], metric: str
) -> Comparison:
    latest = rows.sort_values("started", kind="stable", na_position="first").drop_duplicates(CELL, keep="last")
    first, present = rows.iloc[0], set(rows["model"])
    return Comparison(
        signal=str(first["signal"]),
        stands_for=_text(first["stands_for"]),
        dim=int(first["dim"]),
        task=str(first["task"]),
        preset=str(first["preset"]),
        length="native" if pd.isna(first["length"]) else str(int(first["length"])),
        steps=0 if pd.isna(first["steps"]) else int(first["steps"]),  # other people's rows may lack them
        metric=metric,
        models=tuple(model for model in order if model in present),
        palette=colours,
        classical=classical,
        cells=_cells(latest, metric),
        passed_over=len(rows) - len(latest),
        of_reference=frozenset(rows["model"][rows["origin"].notna()]),
        dataset=dataset_of({name: first[name] for name in ("signal", "item", "dataset")}),
    )


def _cells(rows: pd.DataFrame, metric: str) -> dict[Place, dict[Draw, Run]]:
    """Every row at its place; a row with rings also at the bands 0.1, 0.2 … that they stand for."""
    rings = [_rings(value) if metric == "psnr" else [] for value in rows["psnr_rings"]]
    count = max(map(len, rings))
    cells: dict[Place, dict[Draw, Run]] = {}
    for row, ring_scores in zip(records(rows), rings, strict=True):
        draw = Draw(_text(row["item"]), int(row["seed"]), int(row["signal_seed"]))
        band = WHOLE if pd.isna(row["bandlimit"]) else float(row["bandlimit"])
        place = Place(str(row["model"]), int(row["size"]), band)
        constant = _number(row.get(f"{metric}_constant"))
        run = Run(str(row["status"]), _text(row["reason"]), _number(row[metric]), constant, row)
        cells.setdefault(place, {})[draw] = run
        padded = ring_scores + [math.nan] * (count - len(ring_scores))  # a failed run has no rings of its own
        for index, score in enumerate(padded):
            at_ring = cells.setdefault(place._replace(band=(index + 1) / 10), {})
            at_ring[draw] = run._replace(score=score, constant=math.nan)  # the table has no constant of a ring
    return cells


def _rings(value: Any) -> list[float]:
    return [_number(score) for score in value] if isinstance(value, list | tuple) else []


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
