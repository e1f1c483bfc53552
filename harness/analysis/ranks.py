"""Average ranks of the trained models: over the images of one experiment, and over the signals of a preset.

A data set is what is replicated: an image (item), or a family of signals in its dimension. Within one, models are
ranked at every condition (band, item of a family, task), each by its mean over seeds, and the data set's score is the
mean of these ranks: nine bands or rings of one signal are one data set, as are four tasks of one fit. Budgets are never
pooled. A model that failed at a condition ranks last there; constant bands, which are one signal, are one condition.

Which conditions and data sets count, and which models are ranked, is the rule of `harness.analysis.compared`: within a
data set over its runs, and then over the data sets. A failure is a run.
"""

import math
import statistics
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from common.grouped import grouped
from harness.analysis.cell import Cell
from harness.analysis.compared import complete_enough
from harness.analysis.experiments import Experiment
from harness.analysis.means import constant_bands
from harness.analysis.significance import Ranks, placings, rank
from harness.store.facts import finite
from harness.store.schema import CLASSICAL, OK, UNSUPPORTED, Row
from target_signals.base import has_fixed_items
from target_signals.tasks.metrics import METRICS

Run = tuple[Hashable, tuple[int, int]]  # a condition, and the seeds of the fit and of its signal
Scores = dict[str, dict[Run, float]]  # by model; infinite where it failed
DataSets = dict[Hashable, Scores]


@dataclass(frozen=True)
class AverageRanks:
    """The ranks of `models`, over the data sets that all of them have.

    of: how many data sets there are. without: models that lack some of those that count.
    """

    models: tuple[str, ...]
    ranks: Ranks
    of: int
    without: tuple[str, ...]


def over_items(experiment: Experiment, metric: str, size: int) -> AverageRanks | None:
    """Ranks over items at one budget; None without two items or three models, and where items are fixed."""
    if has_fixed_items(experiment.kind.signal):
        return None
    sets: DataSets = {}
    for cell, row in _tried(experiment, size):
        _add(sets, cell.item, cell.band, cell, row, metric)
    return _average_ranks(sets, experiment.models, METRICS[metric].higher_is_better)


def over_signals(every: Iterable[Experiment], size: int) -> AverageRanks | None:
    """Ranks by PSNR at one budget, over experiments of one dimension and preset; None without two signals or three
    models."""
    sets: DataSets = {}
    models: dict[str, None] = {}
    for experiment in every:
        models |= dict.fromkeys(experiment.models)
        for cell, row in _tried(experiment, size):
            condition = (experiment.kind, cell.band, cell.item)
            _add(sets, experiment.kind.signal, condition, cell, row, "psnr")
    return _average_ranks(sets, list(models), True)


def _tried(experiment: Experiment, size: int) -> Iterable[tuple[Cell, Row]]:
    """The rows of trained models that could be asked of them; of the constant bands the first alone."""
    again = constant_bands(experiment)[1:]
    for cell, row in experiment.by_cell.items():
        supported = row["status"] != UNSUPPORTED and row.get("label") != CLASSICAL
        if cell.size == size and supported and cell.band not in again:
            yield cell, row


def _add(sets: DataSets, data_set: Hashable, condition: Hashable, cell: Cell, row: Row, metric: str) -> None:
    value = finite(row.get(metric)) if row["status"] == OK else math.inf
    if value is not None:
        run = condition, (cell.seed, cell.signal_seed)
        sets.setdefault(data_set, {}).setdefault(cell.model, {})[run] = value


def _average_ranks(sets: DataSets, models: Sequence[str], higher_is_better: bool) -> AverageRanks | None:
    runs = {
        name: complete_enough({model: own.keys() for model, own in scores.items()}) for name, scores in sets.items()
    }
    have = {
        model: {name for name, scores in sets.items() if runs[name] and scores.get(model, {}).keys() >= runs[name]}
        for model in models
    }
    shared = complete_enough(have)
    ranked = [model for model in models if shared and have[model] >= shared]
    if len(ranked) < 2:
        return None
    means = [_mean_ranks(sets[name], runs[name], ranked, higher_is_better) for name in sets if name in shared]
    found = rank(np.array(means), higher_is_better=False)
    there = {model for scores in sets.values() for model in scores}
    without = tuple(model for model in models if model in there and model not in ranked)
    return None if found is None else AverageRanks(tuple(ranked), found, len(sets), without)


def _mean_ranks(scores: Scores, runs: Collection[Run], models: Sequence[str], higher_is_better: bool) -> np.ndarray:
    """Each model's mean rank over the conditions of some runs [models], which all of them have."""
    of_condition = grouped(runs, itemgetter(0)).values()
    means = [[statistics.fmean(scores[model][run] for run in own) for model in models] for own in of_condition]
    return placings(np.array(means), higher_is_better).mean(axis=0)
