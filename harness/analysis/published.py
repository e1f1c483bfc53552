"""The paper's published scores beside a run's own.

`python -m harness.analysis.published` prints them beside the shipped reference rows, as docs/answer.md has them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from common.exits import EXIT_OK, guarded
from common.grouped import grouped
from common.words import budget_text, plural
from harness.analysis.cell import cell_of
from harness.analysis.experiments import experiments
from harness.analysis.winner import mean_of
from harness.store.schema import DIVERGED, OK, OUT_OF_MEMORY, Row
from target_signals.base import RecordedFamily
from target_signals.base import registry as signals
from target_signals.tasks.base import known_family

FILE = Path(__file__).with_name("paper_tables.json")
TABLES = {  # (signal, item or any, task) → the table's name
    ("DIV2K", None, "fit"): "div2k-fit",
    ("DIV2K", None, "super_resolution"): "div2k-sr",
    ("DIV2K", None, "denoise_0.05"): "div2k-denoise-005",
    ("DIV2K", None, "denoise_0.1"): "div2k-denoise-01",
    ("ChestCT", None, "ct"): "ct",
    ("Dragon", "occupancy", "fit"): "dragon-occupancy-fit",
    ("Dragon", "surface", "fit"): "dragon-surface-fit",
    ("Dragon", "occupancy", "super_resolution"): "dragon-occupancy-sr",
    ("Dragon", "surface", "super_resolution"): "dragon-surface-sr",
}
NAMES = {  # the tables' model names → the suite's
    "FFN": "FourFeat",
    "SIREN": "Siren",
    "WIRE": "Wire",
    "GA-Planes": "GAPlane",
    "Instant-NGP": "Instant_NGP",
    "GSplat": "GSplat",
    "BACON": "BACON",
    "Grid": "Grid",
}
EXTENT = ("paper", None, 1000)  # preset, length (the data's own) and passes of what was published
LAST = ("ct",)  # the tables of what stood after the last update; the others are of the best evaluation
WHICH = {"best": "of the best evaluation; in brackets ours after the last update", "last": "after the last update"}
UNITS = {"psnr": ("dB", 2), "iou": ("IoU", 3)}  # and digits
LARGE = {"psnr": 0.3, "iou": 0.05}  # differences that documentation prints in bold
PENALISED = ("ct", "div2k-denoise-005", "div2k-denoise-01", "div2k-sr")  # whose Grid is Grid_TV

Cells = dict[tuple[str, int], list[Row]]  # by model and budget


@dataclass(frozen=True)
class Published:
    """One published table: metric `psnr` or `iou`, and the score of each model and budget."""

    name: str
    metric: str
    scores: dict[tuple[str, int], float]


@cache
def table_of(signal: str, item: str | None, task: str) -> Published | None:
    """What the paper published of a signal's task, if anything."""
    name = TABLES.get((signal, item, task)) or TABLES.get((signal, None, task))
    if name is None:
        return None
    data = json.loads(FILE.read_text(encoding="utf-8"))
    own = {**NAMES, "Grid": "Grid_TV"} if name in PENALISED else NAMES
    scores = {
        (own[model], size): float(score)
        for model, row in data["tables"][name]["scores"].items()
        for size, score in zip(data["budgets"], row, strict=True)
        if score is not None
    }
    return Published(name, data["tables"][name]["metric"].lower(), scores)


class Beside(NamedTuple):
    """A published cell beside rows of the preset `paper`.

    item: None where the table is about all. ours: the mean over items and seeds at the evaluation that was published
    (`which`: best or last), super-resolved scores at the paper's own sample positions; last: the mean after the last
    update. Of the `of` items that the table is over, ours has `items`; with fewer, a difference would tell the items
    apart, and is None.
    """

    table: str
    item: str | None
    metric: str
    model: str
    size: int
    published: float
    which: str
    ours: float
    difference: float | None
    last: float
    runs: int
    items: int
    of: int


def beside(rows: Iterable[Row]) -> list[Beside]:
    """Each published cell of which these rows have scores: the latest of each run, those with --length or --steps
    aside."""
    found = []
    for (signal, item, task), table, cells in _by_table(rows):
        last = table.metric + known_family(task).paper_suffix
        which = "last" if table.name in LAST else "best"
        column = last if which == "last" else f"{last}_best"
        of = len(_items(signal)) if item is None else 1
        for (model, size), every in cells.items():
            cell = [row for row in every if row["status"] == OK and row[column] is not None]
            if cell:
                score, ours = table.scores[model, size], _mean(cell, column)
                items = len({row["item"] for row in cell})
                found.append(
                    Beside(
                        table=table.name,
                        item=item,
                        metric=table.metric,
                        model=model,
                        size=size,
                        published=score,
                        which=which,
                        ours=ours,
                        difference=ours - score if items == of else None,
                        last=_mean(cell, last),
                        runs=len(cell),
                        items=items,
                        of=of,
                    )
                )
    return found


def _by_table(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str | None, str], Published, Cells]]:
    """What a table is of (signal, item where it has a table of its own, task), the table, and the rows of each of its
    cells, in its order."""
    groups: dict[tuple[str, str | None, str], Cells] = {}
    of_paper = (one for one in experiments(list(rows)) if (one.kind.preset, one.kind.length, one.kind.steps) == EXTENT)
    for row in (row for one in of_paper for row in one.by_cell.values()):
        whole = (row["signal"], None, row["task"]) in TABLES  # one table for all items, or one for each
        of_table = groups.setdefault((row["signal"], None if whole else row["item"], row["task"]), {})
        of_table.setdefault((row["model"], row["size"]), []).append(row)
    for about, cells in groups.items():
        if (table := table_of(*about)) is not None:
            yield about, table, {cell: cells[cell] for cell in table.scores if cell in cells}


def _mean(rows: Iterable[Row], column: str) -> float:
    """Over the items, as the paper's is, and within each over the seeds."""
    return mean_of({cell_of(row): row[column] for row in rows if row[column] is not None})


def _items(signal: str) -> tuple[str, ...]:
    family = signals.get(signal)
    assert issubclass(family, RecordedFamily)
    return tuple(family.items)


def compare(rows: Iterable[Row]) -> str:
    """Published value, ours and the difference as a text table; empty where nothing was published."""
    lines = []
    for name, own in grouped(beside(rows), attrgetter("table")).items():
        (unit, digits), which = UNITS[own[0].metric], WHICH[own[0].which]
        lines.append(f"beside the paper's table {name}, {unit}, {which} (published → ours, difference)")
        for cell in own:
            difference = "" if cell.difference is None else f"  {cell.difference:+.{digits}f}"
            last = f"  [{cell.last:.{digits}f}]" if cell.which == "best" else ""
            lines.append(
                f"  {cell.model:<12}{cell.size:>10,}{cell.published:>9.{digits}f} → {cell.ours:.{digits}f}"
                f"{difference}{last}  ({_runs(cell)})"
            )
    return "\n".join(lines)


def _runs(cell: Beside, each: str = "") -> str:
    """Of how many runs it is the mean, and of how many items where these are not all."""
    part = f", {cell.items} of the {cell.of} items" if cell.difference is None else ""
    return f"{plural(cell.runs, 'run')}{each}{part}"


def tables(rows: Iterable[Row]) -> str:
    """The same of many experiments in Markdown. Each table has the budgets at which every published model has as many
    runs as any, or none that ended well: then it says how they ended. Large differences are bold; ours after the last
    update is in brackets where it reads otherwise."""
    rows = list(rows)
    found, cells, failed = [], beside(rows), _failed(rows)
    for name in TABLES.values():
        own = {(cell.model, cell.size): cell for cell in cells if cell.table == name}
        first, runs = next(iter(own.values())), max(cell.runs for cell in own.values())
        told = {cell: _told(one) for cell, one in own.items() if one.runs == runs} | failed.get(name, {})
        models = list(dict.fromkeys(model for model, _ in own))
        whole = [size for size in dict.fromkeys(size for _, size in own) if all((m, size) in told for m in models)]
        (unit, _), which = UNITS[first.metric], WHICH[first.which].partition(";")[0]
        found += [f"**{name}**, {unit}, {which}; {_runs(first, ' a cell')}", ""]
        found.append(f"| published → ours | {' | '.join(map(budget_text, whole))} |")
        found.append("|---|" + "--:|" * len(whole))
        found += [f"| {model} | {' | '.join(told[model, size] for size in whole)} |" for model in models] + [""]
    return "\n".join(found)


def _failed(rows: Iterable[Row]) -> dict[str, dict[tuple[str, int], str]]:
    """By table, its cells of which all runs failed, in words."""
    found: dict[str, dict[tuple[str, int], str]] = {}
    for _, table, cells in _by_table(rows):
        _, digits = UNITS[table.metric]
        for cell, every in cells.items():
            if (ends := {row["status"] for row in every}) <= {DIVERGED, OUT_OF_MEMORY}:
                how = " or ".join(sorted(ends)).replace("_", " ")
                found.setdefault(table.name, {})[cell] = f"{table.scores[cell]:.{digits}f} → {how}"
    return found


def _told(cell: Beside) -> str:
    _, digits = UNITS[cell.metric]
    published, ours, last = (f"{value:.{digits}f}" for value in (cell.published, cell.ours, cell.last))
    ours = f"**{ours}**" if abs(cell.difference or 0.0) > LARGE[cell.metric] else ours
    return f"{published} → {ours}" + (f" [{last}]" if f"{cell.ours:.{digits}f}" != last else "")


def main() -> int:
    """Print the shipped reference rows beside the paper's."""
    from harness.plan.want import FOLDER
    from harness.store.parquet import read_rows

    print(tables(read_rows(FOLDER / "paper.parquet").values()))
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(guarded(main))
