"""A results folder as it stands: rows with their places, what could not be read, and what runs right now.

Without pandas and without torch, so that ten thousand rows take well under a second. Rows may come from
other people and other versions, so their types are checked here, once, for everything that reads them.
"""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.heartbeat import heard
from harness.results import Row, parse_text
from registry import UsageError

TEXTS = ("signal", "task", "model", "status", "started")
WHOLE = ("dim", "size", "seed")
NUMBERS = (
    *("length", "bandlimit", "steps", "parameters", "best_step", "updates", "seconds", "ms_per_step", "minibatch"),
    *("peak_memory_bytes", "psnr_constant"),
    *(f"{score}{at}" for score in ("psnr", "ssim", "lpips", "iou") for at in ("", "_best", "_paper")),
)
NOTES = (  # texts that may be null
    *("item", "source", "stands_for", "label", "preset", "config_hash", "reason", "device", "backend", "precision"),
    "commit",
)
LISTS = ("curve", "psnr_rings", "shape")


@dataclass(frozen=True)
class Stored:
    """One row and where it lies: <out>/<folder>/rows/<key>.json."""

    folder: str
    key: str
    row: Row


@dataclass
class Gathered:
    """problems: one line for each file that is no row. running: what the runs of this folder last said."""

    out: Path
    stored: list[Stored] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    running: list[dict[str, Any]] = field(default_factory=list)


def gather(out: str | Path, curves: bool = True) -> Gathered:
    """Read everything; UsageError when there is no such folder.

    curves: whether rows keep theirs, which are half of what there is to parse.
    """
    out = Path(out)
    if not out.is_dir():
        raise UsageError(f"no folder '{out}'; give the results folder with --out, or run a launcher first")
    found = Gathered(out)
    for rows in sorted(out.glob("*/rows")):
        _gather_rows(found, rows, curves)
    found.running = heard(out)
    return found


def _gather_rows(found: Gathered, rows: Path, curves: bool) -> None:
    folder = rows.parent.name
    for name in sorted(os.listdir(rows)):  # names as plain text: paths would take longer than the parsing
        key, _, suffix = name.rpartition(".")
        if suffix == "corrupt":
            found.problems.append(f"{folder}/rows/{name}: set aside by an earlier run, which repeats its trial")
        if suffix != "json" or name.startswith("."):  # a dot: a row that is being written
            continue
        try:
            with open(f"{rows}/{name}", "rb") as file:
                text = file.read()
            row = parse_text(text if curves else without_curve(text))
            check(row)
        except FileNotFoundError:  # a run may set a row aside between listing and reading
            continue
        except (ValueError, OSError, RecursionError) as error:
            found.problems.append(f"{folder}/rows/{name}: {' '.join(str(error).split())}")
        else:
            found.stored.append(Stored(folder, key, row))


def without_curve(text: bytes) -> bytes:
    """A row's file with null for its curve; unchanged when it is not laid out as the store writes it.

    There, a line break and one space stand before every key of the row and before the end of its lists,
    and nowhere else: JSON has no line breaks inside strings.
    """
    start = text.find(b'\n "curve": [\n')
    end = text.find(b"\n ]", start)
    return text if start < 0 or end < 0 else text[:start] + b'\n "curve": null' + text[end + 3 :]


def check(row: Row) -> None:
    """ValueError for a value of a type that its column never has."""
    _all(row, TEXTS, str, "text")
    _all(row, NOTES, str | None, "text")
    _all(row, LISTS, list | None, "list")
    _all_numbers(row, NUMBERS)
    for name in WHOLE:
        if not _is_number(row[name]) or row[name] != int(row[name]):
            raise ValueError(f"'{name}' is no whole number")
    for name in ("psnr_rings", "shape"):
        if row.get(name) and not all(value is None or _is_number(value) for value in row[name]):
            raise ValueError(f"'{name}' holds something that is no number")
    for point in row.get("curve") or ():
        if not isinstance(point, dict) or not _is_number(point.get("step")):
            raise ValueError("'curve' holds something that is no point")
        if not all(value is None or _is_number(value) for value in point.values()):
            raise ValueError("'curve' holds something that is no number")


def _all(row: Row, names: tuple[str, ...], kind: Any, called: str) -> None:
    for name in names:
        if not isinstance(row.get(name), kind):
            raise ValueError(f"'{name}' is no {called}")


def _all_numbers(row: Row, names: tuple[str, ...]) -> None:
    values = [value for value in map(row.get, names) if value is not None]
    if set(map(type, values)) <= {int, float} and math.isfinite(sum(values)):  # the common case, at one go
        return
    for name in names:
        if row.get(name) is not None and not _is_number(row[name]):
            raise ValueError(f"'{name}' is no number")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # what JSON gives; True and False are neither
