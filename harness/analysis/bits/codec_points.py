"""Codecs' points of an experiment's signals, kept in a file beside its figures, for what must not code them anew."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import UsageError
from common.files import Unfit, read_bounded, write_atomically
from common.typed_json import read
from harness.analysis.bits.bjontegaard import Point
from harness.analysis.bits.codecs import Measured
from harness.store.schema import Row

NAME = "codecs.json"
LARGEST = 1 << 24  # bytes of the file
Pair = tuple[float, float]
Ladders = Mapping[str, Sequence[Measured | None]]  # by codec


def signal_of(row: Row) -> str:
    """What tells a row's signal apart among those of its experiment."""
    return json.dumps([row["item"], row["bandlimit"], row["signal_seed"]])


def write(folder: Path, found: Mapping[str, Ladders]) -> None:
    """found: by signal. Raises OSError."""
    text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / NAME, text.encode())


def load(folder: Path) -> dict[str, Ladders]:
    """The points by signal; none where there is no such file, or one that somebody has damaged."""
    try:
        data: Any = json.loads(read_bounded(folder / NAME, LARGEST))
        found = read(dict[str, dict[str, tuple[tuple[Pair, Pair] | None, ...]]], data, NAME)
    except (OSError, Unfit, ValueError, RecursionError, UsageError):
        return {}
    return {
        signal: {name: [_measured(one) for one in ladder] for name, ladder in own.items()}
        for signal, own in found.items()
    }


def _measured(one: tuple[Pair, Pair] | None) -> Measured | None:
    if one is None or not all(map(math.isfinite, (*one[0], *one[1]))) or one[0][0] <= 0:
        return None
    return Measured(Point(*one[0]), one[1])
