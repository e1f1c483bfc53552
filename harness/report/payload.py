"""The rows as the page's script reads them: column by column, texts pooled, numbers to six significant digits."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common.grouped import grouped
from harness.analysis.cell import Cell
from harness.analysis.experiments import Experiment
from harness.analysis.gain import CAP, LOSSLESS
from harness.analysis.own_file.verdict import tell
from harness.analysis.palette import palette
from harness.analysis.placing import places
from harness.analysis.published import beside
from harness.analysis.ranks import AverageRanks, over_items, over_signals
from harness.analysis.reference_rows import reference_models
from harness.analysis.remarks import remarks
from harness.analysis.winner import BASELINE
from harness.plan.config import Config
from harness.report.about import about
from harness.report.compact import pooled, rounded
from harness.report.lines import lines
from harness.report.looks import looks
from harness.report.overrides import overrides
from harness.report.places import together
from harness.store.scan import Gathered, Stored
from harness.store.schema import BUSY, CLASSICAL, COLUMNS, Kind, Row
from target_signals.base import has_fixed_items
from target_signals.tasks.base import known_family, title_of
from target_signals.tasks.metrics import METRICS
from target_signals.user_file import UserFile

MISSING, OLDER = "missing", "older"  # what the page calls a cell without a row, and a row with a later one


class Entry(NamedTuple):
    """What the page has a line for among its trials. experiment: its number. what: a row, or a cell without one.
    status: in place of the row's."""

    experiment: int
    what: Stored | Cell
    status: str | None = None

    @property
    def stored(self) -> Stored | None:
        return self.what if isinstance(self.what, Stored) else None

    @property
    def row(self) -> Row:
        """The row; of a cell without one, what is known of it."""
        if isinstance(self.what, Stored):
            return self.what.row
        cell = self.what
        return {"model": cell.model, "size": cell.size, "bandlimit": cell.band, **cell.draw._asdict()}


def build(found: Gathered, every: Sequence[Experiment], config: Config) -> dict[str, Any]:
    """Everything the page shows of these rows but pictures, as JSON values. every: their experiments."""
    entries: list[Entry] = []
    for number, experiment in enumerate(every):
        entries += [Entry(number, found.stored[i]) for i in experiment.latest.values()]
        entries += [Entry(number, found.stored[i], OLDER) for i in experiment.older]
        entries += [Entry(number, cell, MISSING) for cell in experiment.missing()]
    present = dict.fromkeys(model for experiment in every for model in experiment.models)
    every_model = palette(config.protocol.order, present)
    models = [model for model in every_model if model in present]
    classical = {row["model"] for row in found.rows if row.get("label") == CLASSICAL}
    yardsticks = [model for model in models if model in classical]
    experiments_of = [_experiment(experiment, models, found.out, config) for experiment in every]
    return {
        "written": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "out": str(found.out),
        "problems": found.problems,
        "running": [str(said.get("trial")) for said in found.running],
        "metrics": {name: _metric(name) for name in METRICS},
        "busy_load": BUSY,
        "about": about(models),
        "models": models,
        "yardsticks": yardsticks,
        "looks": {name: look for name, look in looks(every_model, yardsticks).items() if name in models},
        "cap": CAP,
        "lossless": LOSSLESS,
        "baseline": BASELINE,
        "experiments": experiments_of,
        "led": {
            preset: together(e["led"] for e in experiments_of if e["preset"] == preset)
            for preset in dict.fromkeys(e["preset"] for e in experiments_of)
        },
        "tasks": {
            task: {"title": title_of(task), "paper_suffix": known_family(task).paper_suffix}
            for task in dict.fromkeys(experiment.kind.task for experiment in every)
        },
        "across": _over_signals(every),
        "rows": len(entries),
        "columns": columns(entries, config),
    }


def shown(data: dict[str, Any]) -> set[tuple[int, str, int, str]]:
    """Experiment, band, budget and model of what stands side by side at some place of a payload."""
    return {
        (number, band, int(size), model)
        for number, experiment in enumerate(data["experiments"])
        for band, places in experiment["best"].get("psnr", {}).items()
        for size, place in places.items()
        for _, model, _ in place["shown"]
    }


def _prepared(values: list[Any], kind: Kind) -> list[Any] | dict[str, Any]:
    """A column as the page has it, by its kind."""
    if kind in ("number", "whole"):
        return [rounded(value) for value in values]
    texts = values if kind == "text" else [_json(value) for value in values]
    return pooled(texts) if 2 * len(set(texts)) < len(texts) else texts


def columns(entries: Sequence[Entry], config: Config) -> dict[str, list[Any] | dict[str, Any]]:
    """Columns by name: a list, or for texts {"pool": those there are, "at": places in it}; columns of nulls are left
    out."""
    rows, stored = [entry.row for entry in entries], [entry.stored for entry in entries]
    made: dict[str, list[Any] | dict[str, Any]] = {"experiment": [entry.experiment for entry in entries]}
    for column in COLUMNS:
        if column.page:
            made[column.name] = _prepared([row.get(column.name) for row in rows], column.kind)
    made["signal_seed"] = [row["signal_seed"] if row["signal_seed"] != row["seed"] else None for row in rows]
    made["status"] = pooled([entry.status or row["status"] for entry, row in zip(entries, rows, strict=True)])
    made["folder"] = pooled([None if one is None else one.store.folder.name for one in stored])
    made["key"] = [None if one is None else one.key for one in stored]
    made["overrides"] = pooled([overrides(row, config) for row in rows])
    made["rings"] = [[*map(rounded, row.get("psnr_rings") or ())] or None for row in rows]
    curves: list[list[dict[str, Any]]] = [row.get("curve") or [] for row in rows]
    made["curve_steps"] = pooled([_json([point["step"] for point in curve]) if curve else None for curve in curves])
    made["curve_psnr"] = [[rounded(point.get("psnr"), 4) for point in curve] or None for curve in curves]
    made["curve_loss"] = [[rounded(point.get("loss"), 3) for point in curve] or None for curve in curves]
    return {name: column for name, column in made.items() if _holds_something(column)}


def _holds_something(column: list[Any] | dict[str, Any]) -> bool:
    return bool(column["pool"]) if isinstance(column, dict) else any(value is not None for value in column)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _metric(name: str) -> dict[str, Any]:
    metric = METRICS[name]
    return {
        "name": metric.name,
        "unit": metric.unit,
        "digits": metric.digits,
        "higher": metric.higher_is_better,
        "meaning": metric.meaning,
    }


def _over_items(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Average ranks over the items, by metric and budget."""
    sizes = experiment.sizes
    found = {name: _ranks({size: over_items(experiment, name, size) for size in sizes}) for name in METRICS}
    return {name: ranks for name, ranks in found.items() if ranks}


def _over_signals(every: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Average ranks over the signals of each preset and dimension, by budget."""
    found = []
    for (preset, dim), own in sorted(grouped(every, lambda one: (one.kind.preset, one.kind.dim)).items()):
        sizes = sorted({size for experiment in own for size in experiment.sizes})
        if ranks := _ranks({size: over_signals(own, size) for size in sizes}):
            found.append({"preset": preset, "dim": dim, "ranks": ranks})
    return found


def _ranks(by_size: dict[int, AverageRanks | None]) -> dict[str, dict[str, Any]]:
    """Average ranks by budget, without those that there are not."""
    return {
        str(size): {
            "models": found.models,
            "average": [rounded(value, 4) for value in found.ranks.average],
            "sets": found.ranks.sets,
            "of": found.of,
            "without": found.without,
            "critical": rounded(found.ranks.critical, 4),
            "friedman": rounded(found.ranks.friedman, 3),
            "groups": found.ranks.groups,
            "tells": found.ranks.can_tell,
        }
        for size, found in by_size.items()
        if found is not None
    }


def _experiment(experiment: Experiment, models: Sequence[str], out: Path, config: Config) -> dict[str, Any]:
    """extent: length and steps in words. own: whether it is of somebody's own files or arrays; verdict: lines on these.
    fixed_items: as of its signal. of_reference: models whose rows come with the suite; placed: lines on where the
    others place among these."""
    latest = list(experiment.by_cell.values())
    own = experiment.kind.signal == UserFile.name
    return {
        **experiment.kind._asdict(),
        "extent": ", ".join(experiment.kind.extent),
        "stands_for": latest[0].get("stands_for"),
        "own": own,
        "fixed_items": has_fixed_items(experiment.kind.signal),
        "verdict": tell(latest, out).splitlines() if own else [],
        "models": experiment.models,
        "of_reference": sorted(reference_models(latest)),
        "placed": [line.strip() for line in places(latest, config)[1:]],
        "remarks": remarks(row for row in latest if row.get("origin") is None),
        **lines(experiment, models),
        "ranks": _over_items(experiment),
        "published": [cell._asdict() for cell in beside(latest)],
    }
