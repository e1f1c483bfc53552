"""Every line that the page shows, with its statistics: means, spreads, ranks, differences, and who is best.

The page's script chooses among these lines, formats and sorts them; it computes none of their numbers.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from harness.analysis.experiments import Experiment, with_rings
from harness.analysis.frame import frame
from harness.analysis.gain import GAIN
from harness.analysis.left_out import Where, left_out
from harness.analysis.means import Keys, Means, label, means
from harness.analysis.spread import mean
from harness.analysis.standing import Against, Standing, standings
from harness.analysis.winner import Outcome
from harness.report.compact import rounded
from harness.report.places import ALL, counted, led, place_of
from target_signals.tasks.metrics import METRICS, Metric

KINDS = ("", "_best", "_paper")  # after the last update, at the best evaluation, at the paper's sample positions
MEANS = {"seconds": 4, "parameters": 6, "peak_memory_bytes": 3}  # columns, and how many digits of their means
NOUNS = ("items", "signals", "seeds")  # of draws


def lines(experiment: Experiment, models: Sequence[str]) -> dict[str, Any]:
    """The lines of one experiment, column by column, and the best of each place over all items.

    models: those whose places stand for them; so do those of bands and items, counted from 1, 0 being all. `scores`
    has by metric the columns mean, spread, rank, `of` by line (how many runs its mean is over, and how many are
    compared there, where these differ), and the differences to the best and to the baseline: [difference, reach of its
    interval to either side, p], of one replicate [difference]. `best` is by metric, band and budget; `left_out` says
    what is not compared at the bands and budgets of PSNR; `frames` has by metric and band the range in which the
    trained models' means differ, `axes` that of all models' means where it is another one.
    """
    own, metrics = with_rings(experiment), metrics_of(experiment)
    rings = own is not experiment
    items = items_of(own)
    columns: dict[str, list[Any]] = {name: [] for name in ("model", "size", "band", "item", "counts", *NOUNS)}
    columns |= {name: [] for name in MEANS}
    scores: dict[str, dict[str, Any]] = {}
    best: dict[str, dict[str, dict[str, Any]]] = {}
    frames: dict[str, dict[str, Any]] = {}
    axes: dict[str, dict[str, Any]] = {}
    mapped: dict[Where, Outcome] = {}
    for by in _views(own, rings):
        for metric in metrics:
            found = means(own, by, metric)
            _add_scores(scores.setdefault(metric, {}), found)
            if by == ("model", "size", "band") and metric == "psnr":
                several = len(own.bands) > 1
                for (size, band), outcome in found.outcomes.items():
                    mapped[Where(size, label("band", band) if several else "")] = outcome
            if "item" not in by:
                _add_best(best.setdefault(metric, {}), found, metric == "psnr")
                ranked = [(at, outcome.first.means) for at, outcome in found.outcomes.items() if outcome.first]
                every = [(found.place(line), [line.mean]) for line in found.lines if not math.isnan(line.mean)]
                frames.setdefault(metric, {}).update(_frames(ranked))
                axes.setdefault(metric, {}).update(_frames(every))
        _add_lines(columns, found, {"model": models, "band": [None, *own.bands], "item": [None, *items]})
    columns = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return {
        "metrics": metrics,
        "rings": rings,
        "bands": [label("band", band) for band in own.bands],
        "items": items,
        "lines": columns,
        "scores": scores,
        "best": best,
        "frames": frames,
        "axes": {metric: wider for metric in metrics if (wider := _others(axes[metric], frames[metric]))},
        "left_out": left_out(mapped),
        "led": led(own, best["psnr"], rings) if "psnr" in best else counted(()),
    }


def items_of(experiment: Experiment) -> list[str]:
    """The items' names; empty where some row names none."""
    items = [cell.item for cell in experiment.latest]
    return [] if None in items else sorted({str(item) for item in items})


def metrics_of(experiment: Experiment) -> list[str]:
    """The scores that any row has, the gain behind PSNR."""
    own = experiment.by_cell.values()
    names = [f"{name}{kind}" for name in METRICS for kind in KINDS]
    found = [name for name in names if any(row.get(name) is not None for row in own)]
    if any(row.get("psnr") is not None and row.get("psnr_constant") is not None for row in own):
        found.insert(1, GAIN)
    return found or ["psnr"]


def _views(experiment: Experiment, rings: bool) -> Iterable[tuple[str, ...]]:
    """The keys of lines: at each band, and over the bands unless they are rings; over the items, and at each."""
    for by_item in ((), ("item",)) if len(items_of(experiment)) > 1 else ((),):
        if len(experiment.bands) > 1 and not rings:
            yield ("model", "size", *by_item)
        yield ("model", "size", "band", *by_item)


def _add_lines(columns: dict[str, list[Any]], found: Means, places: dict[str, Sequence[Any]]) -> None:
    for line in found.lines:
        keys = found.by_name(line)
        columns["size"].append(keys["size"])
        for name, known in places.items():
            first = 0 if name == "model" else 1
            columns[name].append(known.index(keys[name], first) if name in keys else 0)
        columns["counts"].append(list(line.counts))
        for noun in NOUNS:
            columns[noun].append(line.draws.get(noun.removesuffix("s")))
        for name, digits in MEANS.items():
            values = [row[name] for row in line.rows if row.get(name) is not None]
            columns[name].append(rounded(mean(values), digits))


def _add_scores(columns: dict[str, Any], found: Means) -> None:
    at = {place: standings(own, found.outcomes[place], found.metric) for place, own in found.runs.items()}
    for line in found.lines:
        if line.of[0] < line.of[1]:
            columns.setdefault("of", {})[len(columns.get("mean", ()))] = line.of
        standing = at[found.place(line)].get(line.keys[0], Standing(None, None, None))
        columns.setdefault("mean", []).append(rounded(line.mean))
        columns.setdefault("spread", []).append(rounded(line.spread.whole, 5))
        columns.setdefault("rank", []).append(standing.rank)
        columns.setdefault("best", []).append(_against(standing.best, found.metric))
        columns.setdefault("baseline", []).append(_against(standing.baseline, found.metric))


def _add_best(best: dict[str, dict[str, Any]], found: Means, whole: bool) -> None:
    for place, outcome in found.outcomes.items():
        at, size = best.setdefault(_band_at(place), {}), str(place[0])
        if found.runs[place]:
            at[size] = place_of(outcome, found.metric, whole)
            at[size] |= {} if len(place) > 1 else {"bands": len({case.band for case in outcome.compared.cases})}


def _frames(values: Iterable[tuple[Keys, Sequence[float]]]) -> dict[str, list[Any]]:
    """The frame of each band, over all budgets. values: by place, as `_band_at` takes it."""
    of_band: dict[str, list[float]] = {}
    for place, own in values:
        of_band.setdefault(_band_at(place), []).extend(own)
    return {band: [rounded(edge) for edge in frame(own)] for band, own in of_band.items()}


def _others(axes: dict[str, list[Any]], frames: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {band: axis for band, axis in axes.items() if axis != frames.get(band)}


def _band_at(place: Keys) -> str:
    """The band of a budget and maybe a band, as a key of the page's data."""
    return label("band", place[1]) if len(place) > 1 else ALL


def _against(found: Against | None, metric: Metric) -> list[float | int | None] | None:
    """A difference in the metric's own sign; of p what a reader is told, which is `< 0.001` at the least."""
    if found is None:
        return None
    one = found.difference
    mean = rounded(one.mean if metric.higher_is_better else -one.mean, 5)
    return [mean] if one.n == 1 else [mean, rounded((one.high - one.low) / 2, 5), rounded(round(found.p, 7), 3)]
