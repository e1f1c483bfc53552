"""What a row's files are called, from the row alone; harness/plan.py names trials alike, but imports torch."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.results import Store


def array_path(out: str | Path, row: Mapping[str, Any]) -> Path:
    """Where the residual of a row lies, if it was kept."""
    return Store(out, folder_of(row)).array_path(key_of(row))


def folder_of(row: Mapping[str, Any]) -> str:
    """The experiment's folder: <dim>d_<Signal>[_<task>]."""
    return f"{int(row['dim'])}d_{row['signal']}" + ("" if row["task"] == "fit" else f"_{row['task']}")


def key_of(row: Mapping[str, Any]) -> str:
    """The key of a row of a loaded table, whose columns may have turned whole numbers into floats and null into NaN."""
    item, length, bandlimit = (_known(row[name]) for name in ("item", "length", "bandlimit"))
    length, size, seed = None if length is None else int(length), int(row["size"]), int(row["seed"])
    band = None if bandlimit is None else float(bandlimit)
    parts = [row["signal"], item, int(row["dim"]), length, band]
    parts += [row["task"], row["model"], size, seed, row["config_hash"]]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    item_text = "" if item is None else "_" + re.sub(r"[^\w.-]", "-", item)[:60]
    band_text = "" if band is None else f"_band{band:g}"
    return f"{row['model']}_{size}{item_text}{band_text}_seed{seed}_{digest}"


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value
