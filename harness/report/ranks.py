"""Every experiment's paired tests and average ranks, by metric and budget, as the page shows them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from harness.analysis.experiments import Cell, Experiment
from harness.analysis.significance import Ranks, paired_tests, rank
from harness.report.compact import rounded
from harness.store.schema import OK, UNSUPPORTED, Row
from target_signals.tasks.metrics import METRICS

ALL = "all"  # in place of a budget: every budget's draws together
Verdict = dict[str, Any]
Scores = dict[Any, dict[str, list[float]]]  # by data set, by model: one score a draw; infinite for a failed one


def verdicts(experiment: Experiment, rows: Sequence[Row]) -> dict[str, dict[str, Verdict]]:
    """By metric and budget: the models, their pairs and their ranks; budgets without two models are left out."""
    found: dict[str, dict[str, Verdict]] = {}
    for metric in METRICS:
        if not any(rows[i].get(metric) is not None for i in experiment.latest.values()):
            continue
        for size in [*experiment.sizes, ALL]:
            cells = [cell for cell in experiment.latest if size in (cell.size, ALL)]
            verdict = _verdict(experiment, cells, rows, metric)
            if verdict is not None:
                found.setdefault(metric, {})[str(size)] = verdict
    return found


def across(every: Sequence[Experiment], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Average ranks by PSNR over all experiments of a preset and dimension, by budget."""
    found = []
    groups: dict[tuple[str, int], list[Experiment]] = {}
    for experiment in every:
        groups.setdefault((experiment.kind.preset, experiment.kind.dim), []).append(experiment)
    for (preset, dim), own in sorted(groups.items()):
        ranks: dict[str, Any] = {}
        for size in [*sorted({size for experiment in own for size in experiment.sizes}), ALL]:
            scores: Scores = {}
            for experiment in own:
                cells = [cell for cell in experiment.latest if size in (cell.size, ALL)]
                scores |= {(experiment.kind, *key): by for key, by in _sets(experiment, cells, rows, "psnr").items()}
            models = list(dict.fromkeys(model for experiment in own for model in experiment.models))
            if (made := _ranks(scores, models, True)) is not None:
                ranks[str(size)] = made
        if ranks:
            experiments = len({(experiment.kind.signal, experiment.kind.task) for experiment in own})
            found.append({"preset": preset, "dim": dim, "experiments": experiments, "ranks": ranks})
    return found


def _verdict(experiment: Experiment, cells: Sequence[Cell], rows: Sequence[Row], metric: str) -> Verdict | None:
    scored = {cell: row for cell in cells if (row := rows[experiment.latest[cell]])["status"] == OK}
    models = [
        m for m in experiment.models if any(c.model == m and r.get(metric) is not None for c, r in scored.items())
    ]
    if len(models) < 2:
        return None
    draws = list(dict.fromkeys(cell._replace(model="") for cell in scored))
    matrix = np.full((len(draws), len(models)), math.nan)
    places = {draw: i for i, draw in enumerate(draws)}, {model: j for j, model in enumerate(models)}
    for cell, row in scored.items():
        if row.get(metric) is not None:
            matrix[places[0][cell._replace(model="")], places[1][cell.model]] = row[metric]
    pairs = [
        [pair.first, pair.second, pair.n, *(rounded(v, 4) for v in (pair.difference, pair.p, pair.adjusted))]
        for pair in paired_tests(matrix)
    ]
    ranks = _ranks(_sets(experiment, cells, rows, metric), experiment.models, METRICS[metric].higher_is_better)
    return {"models": models, "draws": len(draws), "pairs": pairs, "ranks": ranks}


def _sets(experiment: Experiment, cells: Iterable[Cell], rows: Sequence[Row], metric: str) -> Scores:
    """Scores by data set, which is a band or ring, an item and a budget; its seeds are draws."""
    worst = -math.inf if METRICS[metric].higher_is_better else math.inf
    scores: Scores = {}
    tried = {cell: row for cell in cells if (row := rows[experiment.latest[cell]])["status"] != UNSUPPORTED}
    rings = max((len(row.get("psnr_rings") or ()) for row in tried.values()), default=0) if metric == "psnr" else 0
    for cell, row in tried.items():
        own = (row.get("psnr_rings") or [None] * rings) if rings else [row.get(metric)]
        for ring, score in enumerate(own):
            value = score if row["status"] == OK else worst
            if value is not None:
                by_model = scores.setdefault((cell.size, cell.band, ring, cell.item), {})
                by_model.setdefault(cell.model, []).append(value)
    return scores


def _ranks(scores: Scores, models: Sequence[str], higher_is_better: bool) -> dict[str, Any] | None:
    """Average ranks of the models that have a score in at least half of the data sets."""
    often = [m for m in models if 2 * sum(m in by_model for by_model in scores.values()) >= max(1, len(scores))]
    matrix = np.full((len(scores), len(often)), math.nan)
    for i, by_model in enumerate(scores.values()):
        for j, model in enumerate(often):
            if model in by_model:
                matrix[i, j] = np.mean(by_model[model])
    found: Ranks | None = rank(matrix, higher_is_better) if len(scores) else None
    if found is None:
        return None
    return {
        "models": often,
        "average": [rounded(value, 4) for value in found.average],
        "sets": found.sets,
        "of": len(scores),
        "critical": rounded(found.critical, 4),
        "friedman": rounded(found.friedman, 3),
    }
