"""Average ranks of the trained models: over the images of one experiment, and over the signals of a preset.

A data set is what is replicated: an image (item), or a family of signals in its dimension. Within one, models are
ranked at every condition (band, item of a family, task), each by its mean over seeds, and the data set's score is the
mean of these ranks: nine bands or rings of one signal are one data set, as are four tasks of one fit. Budgets are never
pooled. A model that failed at a condition ranks last there; constant bands, which are one signal, are one condition.
"""

import math
import statistics
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.experiments import Cell, Experiment
from harness.analysis.gain import known
from harness.analysis.means import constant_bands
from harness.analysis.significance import Ranks, placings, rank
from harness.store.schema import CLASSICAL, OK, UNSUPPORTED, Row
from target_signals.tasks.metrics import METRICS

Scores = dict[str, list[float]]  # by model: one a seed, infinite where it failed
DataSets = dict[Hashable, dict[Hashable, Scores]]  # by data set, by condition


@dataclass(frozen=True)
class Standings:
    """The ranks of `models`, over the data sets that all of them have; `of`: how many there are."""

    models: tuple[str, ...]
    ranks: Ranks
    of: int


def over_items(experiment: Experiment, rows: Sequence[Row], metric: str, size: int) -> Standings | None:
    """Ranks over items at one budget; None without two items or three models."""
    sets: DataSets = {}
    for cell, row in _tried(experiment, rows, size):
        _add(sets, cell.item, cell.band, cell.model, row, metric)
    return _standings(sets, experiment.models, METRICS[metric].higher_is_better)


def over_signals(every: Iterable[Experiment], rows: Sequence[Row], size: int) -> Standings | None:
    """Ranks by PSNR at one budget, over experiments of one dimension and preset; None without two signals or three
    models."""
    sets: DataSets = {}
    models: dict[str, None] = {}
    for experiment in every:
        models |= dict.fromkeys(experiment.models)
        for cell, row in _tried(experiment, rows, size):
            condition = (experiment.kind, cell.band, cell.item)
            _add(sets, experiment.kind.signal, condition, cell.model, row, "psnr")
    return _standings(sets, list(models), True)


def _tried(experiment: Experiment, rows: Sequence[Row], size: int) -> Iterable[tuple[Cell, Row]]:
    """The rows of trained models that could be asked of them; of the constant bands the first alone."""
    again = constant_bands(experiment, rows)[1:]
    for cell, i in experiment.latest.items():
        row = rows[i]
        supported = row["status"] != UNSUPPORTED and row.get("label") != CLASSICAL
        if cell.size == size and supported and cell.band not in again:
            yield cell, row


def _add(sets: DataSets, data_set: Hashable, condition: Hashable, model: str, row: Row, metric: str) -> None:
    worst = -math.inf if METRICS[metric].higher_is_better else math.inf
    value = known(row.get(metric)) if row["status"] == OK else worst
    if value is not None:
        sets.setdefault(data_set, {}).setdefault(condition, {}).setdefault(model, []).append(value)


def _standings(sets: DataSets, models: Sequence[str], higher_is_better: bool) -> Standings | None:
    """Ranks of the models that have a score, or failed, in at least half of the data sets."""
    present = [{model for scores in conditions.values() for model in scores} for conditions in sets.values()]
    often = [model for model in models if 0 < len(sets) <= 2 * sum(model in some for some in present)]
    if len(often) < 2:
        return None
    means = np.array([_mean_ranks(conditions.values(), often, higher_is_better) for conditions in sets.values()])
    found = rank(means, higher_is_better=False)
    return None if found is None else Standings(tuple(often), found, len(sets))


def _mean_ranks(conditions: Iterable[Scores], models: Sequence[str], higher_is_better: bool) -> np.ndarray:
    """Each model's mean rank over the conditions that all of them have [models]; NaN where there are none."""
    whole = [[statistics.fmean(own[model]) for model in models] for own in conditions if own.keys() >= set(models)]
    if not whole:
        return np.full(len(models), math.nan)
    return placings(np.array(whole), higher_is_better).mean(axis=0)
