"""What trials took, from the rows that they left: the times in harness/plan/step_times.json, from which
harness/plan/cost.py estimates.

`python -m harness.plan.timing band_limit_figs` writes what the rows of a results folder took into that file, and leaves
what it holds of other kinds of device and other models; `reference/quick.parquet` is read as well. Rows at fewer points
than were timed before tell what a pass takes however few its points are; rows that one worker made after each other
tell what trials take beside training.
"""

import json
import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import UsageError
from common.exits import EXIT_OK, guarded
from common.grouped import grouped
from harness.plan import cost
from harness.plan.beside import drawing, measured_beside, rounded, timed
from harness.plan.config import load_config
from harness.store.parquet import read_rows
from harness.store.scan import gather
from harness.store.schema import OK, Row
from target_signals.tasks.base import known_family

# of a kind of device by model: by budget; of settings by name
LISTS = ("ms_per_pass", "seconds_to_solve", "least_ms", "commits", "settings")


def write(folder: str) -> Path:
    """Write what the rows of a results folder took into the file, or those of a file of the reference; its path."""
    parquet = Path(folder).suffix == ".parquet"
    table = [*read_rows(Path(folder)).values()] if parquet else gather(folder).rows
    known = json.loads(cost.TIMES.read_text()) if cost.TIMES.exists() else {}
    times = merged(known, measured_times(table))
    for device, own in by_device(table).items():
        if found := measured_beside(timed(own, load_config()), device):
            times[device]["beside"] = joined(times[device].get("beside", {}), found | drawing(folder))
    cost.TIMES.write_text(json.dumps(times, indent=1) + "\n")
    return cost.TIMES


def measured_times(table: Sequence[Row]) -> dict[str, Any]:
    """Times by kind of device: the machine, and for every model, dimension and budget the commit and the median
    milliseconds of one pass over the lattice, or the median seconds of a solution, at the number of points that most
    rows have; and for every model the whole-number settings, on which a pass depends."""
    times: dict[str, Any] = {}
    for kind, rows in by_device(table).items():
        machine = statistics.mode(row["device"] for row in rows).partition(": ")[2]
        found = times[kind] = {"machine": machine, "points": {}}
        found |= {name: {} for name in ("ms_per_pass", "seconds_to_solve", "commits", "settings")}
        for axes in sorted({f"{row['dim']}D" for row in rows}):
            # the shape of a row on a finer lattice is not that of the lattice which was trained on
            own = [row for row in rows if f"{row['dim']}D" == axes and not known_family(row["task"]).shares]
            if not own:
                continue
            points = found["points"][axes] = statistics.mode(map(_points, own))
            # Bandlimited lattices are odd: one sample longer an axis
            near = [row for row in own if 0.9 * points <= _points(row) <= 1.1 * points]
            for model, size in sorted({(row["model"], row["size"]) for row in near}):
                alike = [row for row in near if (row["model"], row["size"]) == (model, size)]
                solved = not alike[0]["updates"]
                each = [spent(r) if solved else 1000 * spent(r) / r["curve"][-1]["step"] for r in alike]
                what, name = "seconds_to_solve" if solved else "ms_per_pass", f"{model} {axes}"
                found[what].setdefault(name, {})[str(size)] = rounded(statistics.median(each))
                found["commits"].setdefault(name, {})[str(size)] = str(alike[-1]["commit"])[:7]
                found["settings"][name] = {
                    setting: value for setting, value in alike[-1]["settings"].items() if type(value) is int
                }
    return times


def spent(row: Row) -> float:
    """Seconds of training, or those of the processor where others kept it from this."""
    processor = row.get("processor_seconds") if row["device"].startswith("cpu") else None
    return min(row["seconds"], processor or math.inf)


def merged(known: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    """Known times with measured ones in their place, for each kind of device and number of axes.

    Measured at as many points, they join those of other models; at more points they stand alone; at fewer they only
    tell, of models that are known, what remains of a pass however few its points are: `least_ms`.
    """
    found = dict(known)
    for kind, times in measured.items():
        held = known.get(kind, {})
        own = {name: dict(held.get(name, {})) for name in LISTS}
        points, machine = dict(held.get("points", {})), held.get("machine")
        for axes, count in times["points"].items():
            of_axes = {name: {m: t for m, t in times.get(name, {}).items() if m.endswith(axes)} for name in LISTS}
            before = points.get(axes, 0)
            if count < before:
                least = _least(own["ms_per_pass"], of_axes["ms_per_pass"], count / before)
                own["least_ms"] = joined(own["least_ms"], least)
                continue
            if count > before:
                own = {name: {m: t for m, t in own[name].items() if not m.endswith(axes)} for name in LISTS}
            own = {name: own[name] | of_axes[name] for name in LISTS}
            points[axes], machine = count, times["machine"]
        found[kind] = dict(held) | {"machine": machine or times["machine"], "points": points} | own
    return found


def _least(whole: Mapping[str, Any], part: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Milliseconds a pass at no points at all, on the line through those at all points and at a share of them."""
    found: dict[str, Any] = {}
    for name in sorted(whole.keys() & part.keys()):
        for size, ms in part[name].items():
            least = (ms - share * cost.interpolate(whole[name], int(size))) / (1 - share)
            found.setdefault(name, {})[size] = rounded(max(least, 1e-3))
    return found


def joined(known: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Both joined, by model, number of axes and samples; what was found last where both have it."""
    both = {name: joined(known[name], value) for name, value in found.items() if isinstance(known.get(name), dict)}
    return dict(known) | dict(found) | both


def by_device(table: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows that have scores, by the kind of their device."""
    return grouped((row for row in table if row["status"] == OK), lambda row: row["device"].partition(": ")[0])


def _points(row: Row) -> int:
    return math.prod(row["shape"][: row["dim"]])


def main() -> int:
    """Write the times of the folder or file that is named; the exit code. Raises UsageError for other words."""
    match sys.argv[1:]:
        case [folder] if not folder.startswith("-"):
            print(f"wrote {write(folder)}")
        case _:
            raise UsageError("give one results folder, or one Parquet file of rows: the times are taken from its rows")
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(guarded(main))
