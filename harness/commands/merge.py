"""`python -m harness merge A B --out C`: the rows of several results folders in one, with all that belongs to them.

Each of them may also be a Parquet file of rows, like those of the reference; one as --out gets the rows alone. So does
a folder of Parquet files, one a preset, as --out: each row goes to its preset's file, and rows of others are left out.

Of rows with one name and different content, one that is ok is kept over one that is not, then the one that
started earlier, and that is said. What the new folder already has is never overwritten, so an interrupted merge
goes on when it is run again. Arrays, models and signals go with their rows. Figures and the report are not copied:
they are drawn from what is.
"""

import argparse
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from common.errors import UsageError, one_line, refusal
from common.exits import EXIT_FAILED, EXIT_OK
from common.files import Unfit, write_atomically
from common.words import first_few, plural
from harness.commands.merged_rows import Found, Tally, chosen, describe, is_parquet, names, read
from harness.commands.selected_rows import no_rows
from harness.execution.option_types import given_path
from harness.store.names import Name, folder_of, key_of
from harness.store.own_signal import load_signal, signal_path
from harness.store.parquet import read_rows, write_rows
from harness.store.residual import load_residual
from harness.store.store import Store
from target_signals.user_file import UserFile

SAID = 20  # lines of one sort; what is more is counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = "results folders, or Parquet files of rows; they stay as they are"
    parser.add_argument("stores", nargs="+", metavar="FOLDER", help=where)
    parser.add_argument(
        "--out",
        type=given_path,
        required=True,
        help="the folder, or the Parquet file, to make or to go on with; or a folder with a Parquet file a preset, "
        "like reference",
    )


def run(options: argparse.Namespace) -> int:
    """The exit code, 0: every row that has a place is in the new folder; 1: some conflict, or could not be read."""
    stores, out = [Path(store) for store in options.stores], Path(options.out)
    check_places(stores, out)
    tally = Tally()
    try:
        merge(stores, out, tally)
    except OSError as error:
        said = f"cannot go on at '{error.filename or out}', with {plural(tally.copied, 'row')} copied"
        raise refusal(said, error, "make it readable or writable, and run the same command again") from error
    print(f"{out}: {plural(tally.copied, 'row')} copied, {tally.there:,} were there")
    for preset, count in sorted(tally.left_out.items()):
        print(f"{plural(count, 'row')} of {preset} left out: {out} has no {preset}.parquet")
    _say("row", "in conflict", tally.conflicts)
    _say("file", "left out", tally.problems)
    return EXIT_FAILED if tally.conflicts or tally.problems else EXIT_OK


def _say(noun: str, what: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{plural(len(lines), noun)} {what}:")
        print("\n".join(f"  {line}" for line in first_few(lines, SAID)))


def check_places(stores: Sequence[Path], out: Path) -> None:
    """UsageError for folders that are none, hold no rows, or lie in each other."""
    places = [store.resolve() for store in stores]
    for store, place in zip(stores, places, strict=True):
        if not (store.is_file() if is_parquet(store) else store.is_dir()):
            raise UsageError(f"no folder '{store}'; name results folders, or Parquet files of rows")
        if not is_parquet(store) and next(names(store), None) is None:
            raise no_rows(store)
        if places.count(place) > 1:
            raise UsageError(f"'{store}' is given twice; name every folder once")
        if (into := out.resolve()).is_relative_to(place) or place.is_relative_to(into):
            raise UsageError(f"--out '{out}' and '{store}' lie in each other; choose a folder of its own")
    if out.exists() and not out.is_dir() and not is_parquet(out):
        raise UsageError(f"--out '{out}' is no folder; choose another")


def merge(stores: Sequence[Path], out: Path, tally: Tally) -> None:
    """Put the rows of the stores into `out`. Raises OSError where it cannot be written."""
    if files := files_of(out):
        add_to_files(chosen(stores, tally), files, tally)
        return
    for (folder, key), equal in chosen(stores, tally):
        _put(equal, folder, key, out, tally)


def files_of(out: Path) -> dict[str | None, Path]:
    """The Parquet files that take rows, by their preset: of a folder that holds no other results `paper.parquet` is for
    the rows of paper. By None `out` itself, where it is such a file: it takes every row, and need not exist."""
    if is_parquet(out):
        return {None: out}
    return {path.stem: path for path in sorted(out.glob("*.parquet"))} if next(names(out), None) is None else {}


def add_to_files(found: Iterable[tuple[Name, Sequence[Found]]], files: Mapping[str | None, Path], tally: Tally) -> None:
    """Add the first row of each name to its file of `files_of`, and write the files that have more rows then. A row
    that is there stays."""
    held = {path: read_rows(path) for path in files.values()}
    before = {path: len(rows) for path, rows in held.items()}
    for _, (best, *_) in found:
        row, name = best.row, (folder_of(best.row), key_of(best.row))
        path = files.get(row["preset"], files.get(None))
        if path is None:
            tally.left_out[row["preset"]] += 1
        elif (there := held[path].setdefault(name, row)) is row:
            tally.copied += 1
        elif there == row:
            tally.there += 1
        else:
            own = describe(Found(path, b"", there))
            tally.conflicts.append(f"{'/'.join(name)}: {path} already has {own}, which stays; not {describe(best)}")
    for path, rows in held.items():
        if len(rows) > before[path]:
            write_rows(path, rows)


def _put(equal: Sequence[Found], folder: str, key: str, out: Path, tally: Tally) -> None:
    """Array and model first, then the row, as in a run: a row that exists is complete."""
    row, target = equal[0].row, Store(out, folder)
    there = target.row_path(key).exists()
    if there:
        own = read(out, folder, key, tally)
        if own is None or own.row != row:
            what = "a damaged row" if own is None else describe(own)
            tally.conflicts.append(f"{folder}/{key}: {out} already has {what}, which stays; not {describe(equal[0])}")
            return
    array, model = target.array_path(key), target.model_path(key)
    of_row = functools.partial(load_residual, row=row)
    if not array.exists() or not _is_whole(array, of_row, tally):
        _put_whole([Store(one.store, folder).array_path(key) for one in equal], array, of_row, tally)
    if not model.exists():
        _put_whole([Store(one.store, folder).model_path(key) for one in equal], model, _check_model, tally)
    for rate in row["rates"] or ():
        name, of_size = (key, rate["bits"]), functools.partial(_check_size, size=rate["bytes"])
        if not (coded := target.coded_path(*name)).exists():
            _put_whole([Store(one.store, folder).coded_path(*name) for one in equal], coded, of_size, tally)
    if row["signal"] == UserFile.name and not (signal := signal_path(out, row)).exists():
        of_dim = functools.partial(load_signal, dim=int(row["dim"]))
        _put_whole([signal_path(one.store, row) for one in equal], signal, of_dim, tally)
    if there:
        tally.there += 1
        return
    _write(target.row_path(key), equal[0].content)
    tally.copied += 1


def _put_whole(sources: Sequence[Path], target: Path, check: Callable[[Path], object], tally: Tally) -> None:
    """Copy the first of the sources that is whole."""
    source = next((path for path in sources if path.exists() and _is_whole(path, check, tally)), None)
    if source is not None:
        _write(target, source)


def _is_whole(path: Path, check: Callable[[Path], object], tally: Tally) -> bool:
    try:
        check(path)
    except (Unfit, OSError) as error:
        tally.problems.append(f"{path}: {error}")
        return False
    return True


def _check_model(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):  # reads the header and checks that the values fit it
            pass
    except (SafetensorError, OSError, ValueError) as error:
        raise Unfit(f"no whole model: {one_line(error)}") from error


def _check_size(path: Path, size: int) -> None:
    """Of a compressed model, whose checksum is read with it."""
    if path.stat().st_size != size:
        raise Unfit("no whole file of the row's rates: it has another size")


def _write(target: Path, content: bytes | Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        write_atomically(target, content)
        return
    with content.open("rb") as source:
        write_atomically(target, source)
