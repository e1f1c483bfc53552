"""`python -m harness merge A B --out C`: the rows of several results folders in one, with all that belongs to them.

Of rows with one name and different content, one that is ok is kept over one that is not, then the one that
started earlier, and that is said. What the new folder already has is never overwritten, so an interrupted merge
goes on when it is run again. Arrays, models and signals go with their rows. Figures and the report are not copied:
they are drawn from what is.
"""

import argparse
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from common.errors import UsageError
from common.files import Unfit, read_bounded, write_atomically
from harness.store.own_signal import load_signal, signal_path
from harness.store.read_row import MOST_BYTES, parse_text
from harness.store.residual import load_residual
from harness.store.schema import OK, UNSUPPORTED, Row
from harness.store.store import Store
from target_signals.user_file import UserFile

SAID = 20  # lines of one sort; what is more is counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stores", nargs="+", metavar="FOLDER", help="results folders, which stay as they are")
    parser.add_argument("--out", required=True, help="the folder to make, or to go on with")


def run(options: argparse.Namespace) -> int:
    """0: every row is in the new folder; 1: some were in conflict, or could not be read."""
    stores, out = [Path(store) for store in options.stores], Path(options.out)
    check_places(stores, out)
    tally = Tally()
    try:
        merge(stores, out, tally)
    except OSError as error:
        raise UsageError(
            f"cannot go on at '{error.filename or out}': {error.strerror}; {tally.copied:,} rows are copied; "
            "make room, or make it readable or writable, and run the same command again"
        ) from error
    print(f"{out}: {tally.copied:,} rows copied, {tally.there:,} were there")
    _say("rows in conflict", tally.conflicts)
    _say("files left out", tally.problems)
    return 1 if tally.conflicts or tally.problems else 0


def _say(what: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{len(lines):,} {what}:")
        print("\n".join(f"  {line}" for line in lines[:SAID]))
    if len(lines) > SAID:
        print(f"  and {len(lines) - SAID:,} more")


def check_places(stores: Sequence[Path], out: Path) -> None:
    """UsageError for folders that are none, hold no rows, or lie in each other."""
    places = [store.resolve() for store in stores]
    for store, place in zip(stores, places, strict=True):
        if not store.is_dir():
            raise UsageError(f"no folder '{store}'; name results folders")
        if next(names(store), None) is None:
            raise UsageError(f"no rows in '{store}'; name results folders, such as band_limit_figs")
        if places.count(place) > 1:
            raise UsageError(f"'{store}' is given twice; name every folder once")
        if (into := out.resolve()).is_relative_to(place) or place.is_relative_to(into):
            raise UsageError(f"--out '{out}' and '{store}' lie in each other; choose a folder of its own")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out '{out}' is no folder; choose another")


@dataclass
class Tally:
    """What a merge did, and in words what it could not."""

    copied: int = 0
    there: int = 0
    conflicts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Found(NamedTuple):
    """One row in one of the folders."""

    store: Path
    content: bytes
    row: Row


def merge(stores: Sequence[Path], out: Path, tally: Tally) -> None:
    """Raises OSError where `out` cannot be written."""
    for folder, key in sorted({name for store in stores for name in names(store)}):
        found = [one for store in stores if (one := _read(store, folder, key, tally)) is not None]
        if not found:
            continue
        best = min(found, key=lambda one: rank(one.row))
        rest = [one for one in found if one.row != best.row]
        if rest:
            over = ", ".join(map(_describe, rest))
            tally.conflicts.append(f"{folder}/{key}: kept {_describe(best)}, not {over}")
        equal = [one for one in found if one.row == best.row]
        _put([best, *(one for one in equal if one is not best)], folder, key, out, tally)


def names(store: Path) -> Iterator[tuple[str, str]]:
    """Folder and key of every file that may be a row."""
    for rows in store.glob("*/rows"):
        for name in os.listdir(rows):
            if name.endswith(".json") and not name.startswith("."):
                yield rows.parent.name, name.removesuffix(".json")


def rank(row: Row) -> tuple[int, str]:
    """Less is better."""
    return (0 if row["status"] == OK else 1 if row["status"] == UNSUPPORTED else 2), row["started"]


def _read(store: Path, folder: str, key: str, tally: Tally) -> Found | None:
    path = Store(store, folder).row_path(key)
    try:
        content = read_bounded(path, MOST_BYTES)
        return Found(store, content, parse_text(content))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        tally.problems.append(f"{path}: {' '.join(str(error).split())}")
        return None


def _put(equal: Sequence[Found], folder: str, key: str, out: Path, tally: Tally) -> None:
    """Array and model first, then the row, as in a run: a row that exists is complete."""
    row, target = equal[0].row, Store(out, folder)
    there = target.row_path(key).exists()
    if there:
        own = _read(out, folder, key, tally)
        if own is None or own.row != row:
            what = "a damaged row" if own is None else _describe(own)
            tally.conflicts.append(f"{folder}/{key}: {out} already has {what}, which stays; not {_describe(equal[0])}")
            return
    _put_array([Store(one.store, folder).array_path(key) for one in equal], target.array_path(key), row, tally)
    _put_model([Store(one.store, folder).model_path(key) for one in equal], target.model_path(key), tally)
    if row["signal"] == UserFile.name:
        _put_signal([signal_path(one.store, row) for one in equal], signal_path(out, row), int(row["dim"]), tally)
    if there:
        tally.there += 1
        return
    _write(target.row_path(key), equal[0].content)
    tally.copied += 1


def _put_array(sources: Sequence[Path], target: Path, row: Row, tally: Tally) -> None:
    if target.exists() and _is_whole(target, row, tally):
        return
    source = next((path for path in sources if path.exists() and _is_whole(path, row, tally)), None)
    if source is not None:
        _write(target, source)


def _is_whole(path: Path, row: Row, tally: Tally) -> bool:
    try:
        load_residual(path, row)
    except (Unfit, OSError) as error:
        tally.problems.append(f"{path}: {error}")
        return False
    return True


def _put_model(sources: Sequence[Path], target: Path, tally: Tally) -> None:
    from safetensors import SafetensorError, safe_open

    if target.exists():
        return
    for source in filter(Path.is_file, sources):
        try:
            with safe_open(source, framework="np"):  # reads the header and checks that the values fit it
                pass
        except (SafetensorError, OSError, ValueError) as error:
            tally.problems.append(f"{source}: no whole model: {' '.join(str(error).split())}")
            continue
        _write(target, source)
        return


def _put_signal(sources: Sequence[Path], target: Path, dim: int, tally: Tally) -> None:
    if target.exists():
        return
    for source in filter(Path.is_file, sources):
        try:
            load_signal(source, dim)
        except (Unfit, OSError) as error:
            tally.problems.append(f"{source}: {error}")
            continue
        _write(target, source)
        return


def _write(target: Path, content: bytes | Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        write_atomically(target, lambda file: file.write(content))
        return
    with content.open("rb") as source:
        write_atomically(target, lambda file: shutil.copyfileobj(source, file, 1 << 20))


def _describe(one: Found) -> str:
    score = one.row["psnr"]
    text = one.row["status"] if score is None else f"{one.row['status']} {score:.2f} dB"
    return f"{text} of {one.row['started']} in {one.store}"
