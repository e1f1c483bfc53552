"""The store: one JSON row a scoring, written once and atomically; harness/store/table.py gives them as one table.

This module does not import torch, so whatever only reads results starts at once.
"""

import contextlib
import json
import math
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import Failure, Notice, UsageError, refusal
from common.files import TEMPORARY, read_bounded, write_atomically
from harness.store.read_row import MOST_BYTES, check, parse_text
from harness.store.residual import checksum, encode
from harness.store.schema import CHECKSUM, NAMES, Row

DEFAULT_OUT = "band_limit_figs"
CODED = ".coded"  # the end of a compressed model's name
LEFT_OVER = 3600  # seconds after which a file that is still being written belongs to a run that was killed


def coded_path(model: Path, bits: int) -> Path:
    """Where a model's file of few bytes lies. model: its path without an ending."""
    return model.with_name(f"{model.name}-{bits}{CODED}")


class Store:
    """The rows and arrays of one experiment: <out>/<folder>/rows/<key>.json and arrays/<key>.npz.

    dry_run: whether nothing may change: what would be set aside stays where it is.
    """

    def __init__(self, out: str | Path, folder: str, dry_run: bool = False):
        self.folder = Path(out) / folder
        self.dry_run = dry_run
        self.rows = self.folder / "rows"

    def row_path(self, key: str) -> Path:
        return self.rows / f"{key}.json"

    def array_path(self, key: str) -> Path:
        return self.folder / "arrays" / f"{key}.npz"

    def model_path(self, key: str) -> Path:
        return self.folder / "models" / f"{key}.safetensors"

    def coded_path(self, key: str, bits: int) -> Path:
        """Of the same model in a file of few bytes (harness/train/compressed.py)."""
        return coded_path(self.folder / "models" / key, bits)

    def row_keys(self) -> list[str]:
        """The keys of its row files, sorted."""
        return sorted(key for key, _ in self.row_files())

    def row_files(self) -> Iterator[tuple[str, int]]:
        """The key of each row file, and the file's number, which another row under its name does not have; none where
        there is no folder. A name with a leading dot is that of a row being written."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.rows) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and not entry.name.startswith("."):
                    yield entry.name.removesuffix(".json"), entry.inode()

    def prepare(self) -> None:
        """Make the folders and prove that they can be written, before any work; otherwise raises `unwritable`."""
        try:
            for folder in (self.rows, self.folder / "arrays"):
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder) as file:
                    now = os.fstat(file.fileno()).st_mtime
            self._clear(now)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def read(self, key: str) -> Row | None:
        """The row of that key; None when there is none. A corrupt one is set aside, with a warning."""
        path = self.row_path(key)
        try:
            return parse_row(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UsageError(f"cannot read '{path}': {error.strerror}; choose another folder with --out") from error
        except ValueError as error:
            self.set_aside(key, str(error))
            return None

    def set_aside(self, key: str, why: str) -> None:
        """Give the file of a row another name, with a warning: it is none, or another one's."""
        path = self.row_path(key)
        aside = path.with_suffix(".corrupt")
        if not self.dry_run:
            with contextlib.suppress(FileNotFoundError):  # another run was quicker
                os.replace(path, aside)
        moved = "to be set aside" if self.dry_run else "set aside"
        told = f"'{path}' is not a row ({why}); {moved} as '{aside.name}', its trial will run again"
        warnings.warn(told, Notice, stacklevel=3)

    def write(self, key: str, row: Row, residual: np.ndarray | None) -> None:
        """Write the array, then the row: a row that exists is complete.

        residual: prediction - truth, [*shape, C]; None for a trial without a prediction.
        """
        if set(row) != set(NAMES):
            raise ValueError(f"a row needs exactly the columns of the schema; differs in {set(row) ^ set(NAMES)}")
        try:
            check(as_json(row))
        except ValueError as error:
            what = f"a row of {row['model']} on {row['signal']} cannot be stored: {error}"
            raise UsageError(f"{what}; a model, signal or task of your own must give it") from error
        try:
            if residual is not None:
                content = encode(residual)
                row = row | {CHECKSUM: checksum(content)}
                write_atomically(self.array_path(key), content)
            write_atomically(self.row_path(key), row_text(row))
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _clear(self, now: float) -> None:
        """Remove what a kill in the middle of a write left here or below. now: by the clock that stamps the files."""
        for path in self.folder.rglob(TEMPORARY):
            with contextlib.suppress(OSError):  # somebody else was quicker, or it is none of ours, as a folder
                if now - path.stat().st_mtime > LEFT_OVER:
                    path.unlink()


def stores_in(root: str | Path, folder: str = "*") -> list[Store]:
    """The stores below a results folder that have rows, sorted. folder: of an experiment, a name or a pattern."""
    rows = sorted(path for path in Path(root).glob(f"{folder}/rows") if path.is_dir())
    return [Store(path.parent.parent, path.parent.name) for path in rows]


def unwritable(folder: Path, error: OSError) -> UsageError | Failure:
    """What to raise where results cannot be written."""
    again = "Make it writable and run the same command again, or choose another folder with --out"
    return refusal(f"cannot write results to '{folder}'", error, f"finished trials are stored. {again}")


def row_text(row: Row) -> bytes:
    """What a row's file holds."""
    return json.dumps(as_json(row), allow_nan=False, indent=1).encode()


def as_json(value: Any) -> Any:
    """A value as JSON can have it, which has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: as_json(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(v) for v in value]
    return value


def store_of(path: Path) -> Store:
    """The store in one of whose folders a file lies, such as a row or a saved model."""
    return Store(path.parent.parent.parent, path.parent.parent.name)


def parse_row(path: Path) -> Row:
    """One row file. Raises FileNotFoundError, or ValueError when it is not a whole row.

    A row of another version may lack columns, which are null, and have others, which are passed over.
    """
    return parse_text(read_bounded(path, MOST_BYTES))
