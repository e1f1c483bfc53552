"""Rows added to Parquet files: to one, or to one a preset, as the reference has them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.commands.merged_rows import Found, Tally, describe, is_parquet, names
from harness.store.names import Name, folder_of, key_of
from harness.store.parquet import read_rows, write_rows


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
