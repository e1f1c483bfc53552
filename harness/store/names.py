"""What a row's files are called, from the row alone or from the trial that will leave it. Imports no torch.

A row may be anybody's, so what it names becomes part of a path through `safe` alone.
"""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.store.schema import COLUMNS, Kind
from harness.store.store import Store
from target_signals.item_names import with_digits

LONGEST = 60  # characters of a part of a file's name
KEY = tuple((column.name, column.kind) for column in COLUMNS if column.part_of == "key")

Name = tuple[str, str]  # of a row: folder and key


def array_path(out: str | Path, row: Mapping[str, Any]) -> Path:
    """Where the residual of a row lies, if it was kept."""
    return Store(out, folder_of(row)).array_path(key_of(row))


@functools.cache  # ten thousand rows have a few dozen names
def safe(name: str) -> str:
    """A text as one part of a file's name: no separators, no leading dot, not too long. Plain names stay."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "-", name).lstrip(".")[:LONGEST]


def distinct(name: str) -> str:
    """The same for a folder, which two names must not share: with digits of its own where `safe` changes a name."""
    part = safe(name)
    return part if part == name else with_digits(part, hashlib.sha256(json.dumps(name).encode()).hexdigest())


def length_name(length: int | None) -> str:
    """A length as a part of a file's name: `native` where a recorded signal keeps its own."""
    return "native" if length is None else str(int(length))


def folder_of(row: Mapping[str, Any]) -> str:
    """The experiment's folder: <dim>d_<Signal>[_<task>]."""
    return f"{int(row['dim'])}d_{distinct(row['signal'])}" + unless_plain(row["task"], f"_{distinct(row['task'])}")


def unless_plain(task: str, text: str) -> str:
    """A text that names a task; nothing for the plain fit, which folders and titles leave unsaid."""
    return "" if task == "fit" else text


def key_of(row: Mapping[str, Any]) -> str:
    """The name of a row: readable parts for people, then a digest of the whole key.

    A signal seed that is the seed's own, and no data set, are left unsaid, so that older rows, which have no others,
    keep their names. A loaded table may have turned whole numbers into floats and null into NaN.
    """
    parts = {name: _typed(row[name], kind) for name, kind in KEY}
    signal_seed, dataset = parts.pop("signal_seed"), parts.pop("dataset")
    if apart := signal_seed != parts["seed"]:
        parts["signal_seed"] = signal_seed
    if dataset is not None:
        parts["dataset"] = dataset
    digest = hashlib.sha256(json.dumps(list(parts.values())).encode()).hexdigest()[:16]
    item_text = "" if parts["item"] is None else f"_{safe(parts['item'])}"
    band_text = "" if parts["bandlimit"] is None else f"_band{parts['bandlimit']:g}"
    signal_text = f"_signal{signal_seed}" if apart else ""
    return f"{safe(parts['model'])}_{parts['size']}{item_text}{band_text}_seed{parts['seed']}{signal_text}_{digest}"


def _typed(value: Any, kind: Kind) -> Any:
    if value is None or value != value:  # NaN
        return None
    return int(value) if kind == "whole" else float(value) if kind == "number" else value


def known(value: Any) -> Any:
    """A cell of a table, or of a row, with None for NaN."""
    return None if value != value else value
