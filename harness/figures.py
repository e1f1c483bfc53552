"""Draws what the results table holds, and says what it lacks. A file is replaced whole, never half written."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparison import REFERENCE, Comparison, Place, comparisons
from harness.results import OK, write_atomically
from harness.style import METRICS, budget_text
from registry import UsageError, suggest

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw(
    table: "pd.DataFrame", out_folder: str | Path, models: Sequence[str] | None = None, metric: str = "psnr"
) -> list[Path]:
    """Draw every comparison of the table; the paths of the figures written.

    A comparison's figures go to <out>/<dim>d_<Signal>[_<task>]/figures/<preset>_<length>_<steps>/.
    models: an order to draw in; models that it does not name follow in order of appearance.
    """
    written = []
    for comparison in _checked(table, models, metric):
        folder = Path(out_folder) / _safe(_experiment(comparison)) / "figures" / _safe(_variant(comparison))
        for name, figure in pages(comparison).items():
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}.png"
            write_atomically(path, lambda file, figure=figure: figure.savefig(file, format="png"))  # type: ignore[misc]
            written.append(path)
    return written


def pages(comparison: Comparison) -> "dict[str, Figure]":
    """The figures that a comparison gives, by file name; those that would be empty are left out."""
    from harness import curves, heatmaps, layout  # matplotlib takes a second to import

    if _lacks_metric(comparison):
        return {}
    figures: dict[str, Figure | None] = {}
    for view in (layout.over_bands(comparison), layout.over_budgets(comparison)):
        if view.xs:
            name = f"{comparison.metric}_over_{view.name}"
            figures[name] = heatmaps.score_page(comparison, view)
            figures[f"{name}_minus_{REFERENCE}"] = heatmaps.lead_page(comparison, view)
            figures[f"{name}_curves"] = curves.curve_page(comparison, view)
    return {name: figure for name, figure in figures.items() if figure is not None}


def missing(table: "pd.DataFrame", models: Sequence[str] | None = None, metric: str = "psnr") -> list[str]:
    """What the figures lack, in lines of text: rows that are not there, failures, rows passed over.

    models: those that should have rows, by default the table's own.
    """
    found = _checked(table, models, metric)
    if not found:
        return ["the table has no rows: nothing to draw"]
    return [
        f"{_experiment(comparison)} {_variant(comparison)}: {note}"
        for comparison in found
        for note in (*_absent(comparison, models or ()), *_failed(comparison), *_left_out(comparison))
    ]


def _checked(table: "pd.DataFrame", models: Sequence[str] | None, metric: str) -> list[Comparison]:
    if metric not in METRICS:
        raise UsageError(f"unknown metric '{metric}'{suggest(metric, METRICS)}; known: {', '.join(METRICS)}")
    return comparisons(table, models, metric)


def _absent(comparison: Comparison, models: Sequence[str]) -> list[str]:
    notes = []
    never = [model for model in models if model not in comparison.models]
    if never:
        notes.append(f"no rows of {', '.join(never)}")
    draws = set(comparison.draws)
    for model in comparison.models:
        places = comparison.trials(model)
        lacking = {place: len(draws - comparison.runs(place).keys()) for place in places}
        count, total = sum(lacking.values()), len(places) * len(draws)
        if count:
            where = _where([place for place in places if lacking[place]], comparison)
            notes.append(f"{model} lacks {count} of {total} runs ({where})")
    return notes


def _failed(comparison: Comparison) -> list[str]:
    notes = []
    for model in comparison.models:
        places: dict[str, list[Place]] = defaultdict(list)  # by status, one entry a run
        reasons: dict[str, str] = {}
        for place in comparison.trials(model):
            for run in comparison.runs(place).values():
                if run.status != OK:
                    places[run.status].append(place)
                    reasons.setdefault(run.status, run.reason)
        for status, at in places.items():
            runs = f"{len(at)} run{'s' * (len(at) > 1)}"
            reason = f": {reasons[status]}" if reasons[status] else ""
            notes.append(f"{model}: {runs} {status.replace('_', ' ')} ({_where(at, comparison)}){reason}")
    return notes


def _left_out(comparison: Comparison) -> list[str]:
    notes = []
    if comparison.passed_over:
        notes.append(f"{comparison.passed_over} older rows of cells that have a later one are passed over")
    if _lacks_metric(comparison):
        notes.append(f"no row has {comparison.metric}: nothing drawn")
    elif REFERENCE not in comparison.models:
        notes.append(f"no rows of {REFERENCE}: no differences to it drawn")
    return notes


def _lacks_metric(comparison: Comparison) -> bool:
    """Whether rows ended well and yet none has the metric, such as the IoU of a signal that is not binary."""
    ended_well = any(run.status == OK for runs in comparison.cells.values() for run in runs.values())
    return ended_well and not any(map(comparison.scores, comparison.cells))


def _where(places: Sequence[Place], comparison: Comparison) -> str:
    """`10k: bands 0.1 0.2; 30k`, where a budget alone stands for all its bands."""
    bands: dict[int, list[float]] = defaultdict(list)
    for place in dict.fromkeys(places):
        bands[place.size].append(place.band)
    every = len({place.band for place in comparison.trials("")})
    return "; ".join(
        budget_text(size) + ("" if len(some) == every else f": bands {' '.join(f'{band:g}' for band in some)}")
        for size, some in bands.items()
    )


def _experiment(comparison: Comparison) -> str:
    task = "" if comparison.task == "fit" else f"_{comparison.task}"
    return f"{comparison.dim}d_{comparison.signal}{task}"


def _variant(comparison: Comparison) -> str:
    return f"{comparison.preset}_{comparison.length}_{comparison.steps}"


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]", "-", name)
