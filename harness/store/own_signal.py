"""What a fit to a person's own file saw, kept once for each item and length: <out>/<folder>/signals/<name>.npz.

Rows name such a file by its content and not by its place, so that the page and the figures could not show it otherwise.
Imports no torch.
"""

import hashlib
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UsageError
from common.files import Unfit, read_bounded, write_atomically
from harness.store.names import folder_of, known, length_name, safe
from harness.store.npz import HEADERS, read_arrays
from harness.store.store import unwritable
from target_signals.base import Signal
from target_signals.geometry import Geometry
from target_signals.readers.decoded import LARGEST


def signal_path(out: str | Path, row: Mapping[str, Any]) -> Path:
    """Where the signal of a row, or of a trial's fields, lies if it was kept; tasks share it."""
    size = length_name(known(row["length"]))
    digest = hashlib.sha256(f"{row['item']}/{size}".encode()).hexdigest()[:8]
    folder = folder_of({**row, "task": "fit"})
    return Path(out) / folder / "signals" / f"{safe(str(row['item']))}_{size}_{digest}.npz"


def keep_signal(path: Path, signal: Signal) -> None:
    """Write a signal's values, and where its samples lie if that is known, unless they are there. Raises `unwritable`
    where that cannot be done."""
    if path.exists():
        return
    buffer, place = io.BytesIO(), signal.geometry
    where: dict[str, Any] = (
        {} if place is None else {"affine": place.affine, "unit": np.frombuffer(place.unit.encode(), np.uint8)}
    )
    np.savez_compressed(buffer, values=signal.values, **where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise unwritable(path.parent, error) from error


def kept_signal(path: Path, dim: int) -> Signal:
    """A kept signal. UsageError that says why it is not to be had, and OSError where it cannot be read."""
    if not path.is_file():
        raise UsageError("the values of this file were not kept; run its trials again")
    try:
        return load_signal(path, dim)
    except Unfit as error:
        raise UsageError(f"the values that were kept of it, '{path}', cannot be used: {error}") from error


def load_signal(path: Path, dim: int) -> Signal:
    """A kept signal. Raises Unfit for a file that is damaged, and OSError where it cannot be read."""

    def check(shape: tuple[int, ...], dtype: np.dtype) -> None:
        if dtype != np.float32 or len(shape) - dim not in (0, 1) or not 0 < math.prod(shape) <= LARGEST:
            raise ValueError(f"its values are {dtype} of shape {shape}")

    content = read_bounded(path, 4 * LARGEST + HEADERS)
    (values,) = read_arrays(content, {"values": check})
    if not np.isfinite(values).all():
        raise Unfit("it holds values that are not finite")
    return Signal(values, dim, "image" if dim == 2 else "volume", geometry=_geometry(content, dim))


def _geometry(content: bytes, dim: int) -> Geometry | None:
    """Where the samples lie; None of a file that does not say, as an older version's."""

    def check(shape: tuple[int, ...], dtype: np.dtype) -> None:
        if (shape, dtype) != ((4, dim + 1), np.float64) and (len(shape), dtype) != (1, np.uint8):
            raise ValueError(f"{dtype} of shape {shape} says of no sample where it lies")

    try:
        affine, unit = read_arrays(content, {"affine": check, "unit": check})
        return Geometry.of(affine, bytes(unit).decode())
    except ValueError:  # Unfit is one
        return None
