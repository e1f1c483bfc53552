"""The residual of a scoring as a file, and the certainty that it is the one of its row.

A file holds prediction - truth divided by its largest magnitude in float16, and that magnitude: a float16
picture would cap PSNR near 80 dB. Its row names it by the SHA-256 of the file's bytes, so damage and files
that were swapped are both found. Files come from other people: sizes are judged before anything is allocated.
"""

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.files import Unfit, read_bounded
from harness.store.npz import HEADERS, Check, read_arrays
from harness.store.schema import CHECKSUM
from target_signals.readers.decoded import LARGEST


def encode(residual: np.ndarray) -> bytes:
    """The file of a residual [*shape, C]; equal residuals give equal bytes."""
    scale = float(np.abs(residual).max()) or 1.0
    buffer = io.BytesIO()
    with np.errstate(under="ignore"):  # whatever a session has set: what is far below the largest becomes 0
        np.savez(buffer, residual=(residual / scale).astype(np.float16), scale=np.float32(scale))
    return buffer.getvalue()


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def load_residual(path: str | Path, row: Mapping[str, Any] | None = None) -> np.ndarray:
    """Prediction - truth of one scoring, [*shape, C], float32, all finite.

    row: whose residual it must be; without one, only damage is found. Raises Unfit, whose text says what
    is wrong with the file, or OSError where it cannot be read.
    """
    known = None if row is None else row["shape"]
    shape = tuple(int(n) for n in known) if isinstance(known, list) else None
    most = LARGEST if shape is None else min(LARGEST, math.prod(shape))
    content = read_bounded(path, 2 * most + HEADERS)
    expected = None if row is None else row.get(CHECKSUM)
    if isinstance(expected, str) and checksum(content) != expected:
        raise Unfit("it is not the file that the row names by its SHA-256: damaged, or another row's")
    checks = {"residual": _holds("residual", np.float16, (3, 4)), "scale": _holds("scale", np.float32, (0,))}
    values, scale = read_arrays(content, checks)
    residual = values.astype(np.float32) * scale
    if shape is not None and residual.shape != shape:
        raise Unfit(f"its shape is {list(residual.shape)} and its row says {list(shape)}")
    if not residual.size or not np.isfinite(residual).all():
        raise Unfit("it holds no finite values")
    return residual


def _holds(name: str, kind: type, axes: Sequence[int]) -> Check:
    def check(shape: tuple[int, ...], dtype: np.dtype) -> None:
        if dtype != kind or len(shape) not in axes or math.prod(shape) > LARGEST:
            raise ValueError(f"'{name}' is {dtype} of shape {shape}")

    return check
