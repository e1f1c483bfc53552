"""One trial as a small picture: truth, reconstruction and absolute error side by side.

An image gives one row of them; a volume three, of the middle slices across its axes. Where the truth cannot
be had again (somebody's own file, data that is absent) the error stands alone.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UsageError
from common.files import Unfit
from harness.analysis import target
from harness.store.residual import load_residual
from harness.store.schema import Row

LONGEST = {2: 128, 3: 72}  # pixels of a panel's longer side, by the signal's dimension
GAP = 2  # transparent pixels between panels
QUALITY = 75  # of WebP


def load_thumbnail(array: Path, row: Row) -> dict[str, Any]:
    """The picture as base64, its size, how many panels a row has, and the error that the lightest colour stands for.

    Raises Unfit for an array that is not the row's, with the reason, and OSError where it cannot be read.
    """
    residual = load_residual(array, row)
    if residual.ndim != int(row["dim"]) + 1:
        raise Unfit(f"it has {residual.ndim - 1} axes and its row says {int(row['dim'])}")
    try:
        truth: np.ndarray | None = target.build(row).truth
    except (UsageError, OSError):
        truth = None
    if truth is not None and truth.shape != residual.shape:
        truth = None
    return draw(truth, residual)


def draw(truth: np.ndarray | None, residual: np.ndarray) -> dict[str, Any]:
    """Both [*shape, C]."""
    from PIL import Image

    error = np.abs(residual).mean(axis=-1, keepdims=True)
    dim, rows = residual.ndim - 1, []
    for cut in _cuts(dim, residual.shape):
        panels = [] if truth is None else [_grey_or_colour(truth[cut]), _grey_or_colour((truth + residual)[cut])]
        rows.append([_small(panel, LONGEST[dim]) for panel in [*panels, error[cut]]])
    scale = max(float(row[-1].max()) for row in rows)
    painted = [[*(_paint(panel) for panel in row[:-1]), _heat(row[-1][..., 0] / (scale or 1.0))] for row in rows]
    picture = Image.fromarray(_tile(painted))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=4)
    text = base64.b64encode(buffer.getvalue()).decode()
    return {"webp": text, "size": [*picture.size], "panels": len(rows[0]), "slices": len(rows), "scale": scale}


def _cuts(dim: int, shape: Sequence[int]) -> list[Any]:
    """Indices of what is shown: an image whole, a volume's middle slice across each axis."""
    if dim == 2:
        return [slice(None)]
    return [(*[slice(None)] * axis, shape[axis] // 2) for axis in range(dim)]


def _grey_or_colour(values: np.ndarray) -> np.ndarray:
    return np.clip(values if values.shape[-1] == 3 else values[..., :1], 0, 1)


def _small(values: np.ndarray, most: int) -> np.ndarray:
    """[H, W, C] averaged over blocks, so that the longer side has at most `most`; an uneven rest is left out."""
    factor = -(-max(values.shape[:2]) // most)
    height, width = (max(1, n // factor) for n in values.shape[:2])
    rows, columns = (min(n, factor) for n in values.shape[:2])
    blocks = values[: height * rows, : width * columns].reshape(height, rows, width, columns, -1)
    return blocks.mean(axis=(1, 3))


def _paint(values: np.ndarray) -> np.ndarray:
    """[H, W, 1 or 3] in [0, 1] as [H, W, 4] in 8 bit."""
    return _opaque(np.broadcast_to(values, (*values.shape[:2], 3)))


def _heat(values: np.ndarray) -> np.ndarray:
    """[H, W] in [0, 1] as [H, W, 4]: from black over red to a pale yellow."""
    import matplotlib

    return _opaque(matplotlib.colormaps["inferno"](values)[..., :3])


def _opaque(colour: np.ndarray) -> np.ndarray:
    eight_bit = np.round(255 * colour).astype(np.uint8)
    return np.concatenate([eight_bit, np.full_like(eight_bit[..., :1], 255)], axis=-1)


def _tile(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Panels [H, W, 4] in rows, with transparent gaps; narrower ones are filled up."""
    height = max(panel.shape[0] for row in rows for panel in row)
    width = max(panel.shape[1] for row in rows for panel in row)
    page = np.zeros((len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP, 4), np.uint8)
    for i, row in enumerate(rows):
        for j, panel in enumerate(row):
            top, left = i * (height + GAP), j * (width + GAP)
            page[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return page
