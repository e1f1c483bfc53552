"""Rows added to Parquet files: to one, or to one a preset, as the reference has them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.commands.merged_rows import Found, Tally, describe, is_parquet, names
from harness.store.names import Name, folder_of, key_of
from harness.store.parquet import read_rows, write_rows


def by_preset(folder: Path) -> list[Path]:
    """The Parquet files of a folder that holds no other results: `paper.parquet` is for the rows of paper."""
    return sorted(folder.glob("*.parquet")) if next(names(folder), None) is None else []


def add_to_files(found: Iterable[tuple[Name, Sequence[Found]]], out: Path, tally: Tally) -> None:
    """Add the first row of each name to its file, and write the files that have more rows then.

    out: a file, which takes every row and need not exist, or a folder of `by_preset`. A row that is there stays.
    """
    one = out if is_parquet(out) else None
    held = {path: read_rows(path) for path in ([one] if one else by_preset(out))}
    before = {path: len(rows) for path, rows in held.items()}
    place = {path.stem: path for path in held}
    for _, (best, *_) in found:
        row, name = best.row, (folder_of(best.row), key_of(best.row))
        path = one or place.get(row["preset"])
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
