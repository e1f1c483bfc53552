"""One trial as small pictures: target, reconstruction and absolute error, each on its own so that trials can share one.

An image is shown whole, a volume by the middle slices across its axes, one below the other; of a person's own image
there is a detail at full size as well. Where the truth cannot be had again (data that is absent) there is the error
alone.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UsageError
from common.files import Unfit
from harness.analysis import target
from harness.analysis.gain import EXACT
from harness.store.facts import finite, pictured_spacing
from harness.store.residual import load_residual
from harness.store.schema import Row
from target_signals.user_file import UserFile

LONGEST = {2: 128, 3: 72}  # pixels of a panel's longer side, by the signal's dimension
LONGEST_OWN = {2: 384, 3: 160}  # of a person's own image or volume
DETAIL = 96  # samples of a detail's side
DECADES = 3  # of errors that the colours tell apart
GAP = 2  # transparent pixels between slices
QUALITY = 75  # of WebP
Images = dict[str, Any]


def load_thumbnail(array: Path, row: Row, out: Path | None = None) -> Images:
    """The pictures of a row's array. out: the results folder, which keeps what a person's own files hold.

    Raises Unfit for an array that is not the row's, with the reason, and OSError where it cannot be read.
    """
    residual = load_residual(array, row)
    if residual.ndim != int(row["dim"]) + 1:
        raise Unfit(f"it has {residual.ndim - 1} axes and its row says {int(row['dim'])}")
    try:
        truth: np.ndarray | None = target.rebuild(row, out).truth
    except UsageError:
        truth = None
    spacing = pictured_spacing(row.get("spacing"), int(row["dim"]))
    return draw(truth, residual, deviation(row), row["signal"] == UserFile.name, spacing)


def deviation(row: Mapping[str, Any]) -> float | None:
    """The truth's standard deviation, which is the error of its constant mean; None where that is not known, 0, or no
    signal's."""
    constant = finite(row.get("psnr_constant"))
    return None if constant is None or abs(constant) >= EXACT else 10 ** (-constant / 20)


def draw(
    truth: np.ndarray | None,
    residual: np.ndarray,
    scale: float | None,
    own: bool = False,
    spacing: Sequence[float] | None = None,
) -> Images:
    """`target` and `answer` where there is a truth, and `error`, as base64 of WebP; their size and number of slices.

    truth, residual: [*shape, C]. scale: the error that the palest colour stands for, by default the largest; the
    darkest is DECADES below, and the scale between them is logarithmic. spacing: of samples along each axis.
    """
    error = np.abs(residual).mean(axis=-1, keepdims=True)
    scale = scale or float(error.max()) or 1.0
    panels = {} if truth is None else {"target": truth, "answer": truth + residual}
    dim = residual.ndim - 1
    longest = (LONGEST_OWN if own else LONGEST)[dim]
    cuts = _cuts(dim, residual.shape)

    def small(values: np.ndarray, axis: int, most: int) -> np.ndarray:
        apart = np.delete(spacing or (1.0,) * dim, axis if dim == 3 else [])
        return _small(values, most, tuple(apart))

    def drawn(chosen: Sequence[Any], most: int) -> Images:
        cut_at = list(enumerate(chosen))
        images = {
            name: [_opaque(small(_shown(values[cut]), axis, most)) for axis, cut in cut_at]
            for name, values in panels.items()
        }
        images["error"] = [_heat(small(error[cut], axis, most)[..., 0] / scale) for axis, cut in cut_at]
        stacked = {name: _stack(slices) for name, slices in images.items()}
        height, width = stacked["error"].shape[:2]
        return {name: _webp(image) for name, image in stacked.items()} | {"size": [width, height]}

    made = drawn(cuts, longest) | {"slices": len(cuts), "scale": float(f"{scale:.4g}")}
    if own and dim == 2 and max(residual.shape[:2]) > 2 * DETAIL:
        cut = _detail(error if truth is None else truth)
        made["detail"] = drawn([cut], DETAIL) | {"at": [part.start for part in cut]}
    return made


def _detail(values: np.ndarray) -> tuple[slice, slice]:
    """Where a picture [H, W, C] varies most, on a raster of half a detail's side."""
    corners = [
        (top, left)
        for top in range(0, max(1, values.shape[0] - DETAIL + 1), DETAIL // 2)
        for left in range(0, max(1, values.shape[1] - DETAIL + 1), DETAIL // 2)
    ]
    places = [(slice(top, top + DETAIL), slice(left, left + DETAIL)) for top, left in corners]
    return max(places, key=lambda place: float(values[place].std(axis=(0, 1)).sum()))


def _cuts(dim: int, shape: Sequence[int]) -> list[Any]:
    """Indices of what is shown: an image whole, a volume's middle slice across each axis."""
    if dim == 2:
        return [slice(None)]
    return [(*[slice(None)] * axis, shape[axis] // 2) for axis in range(dim)]


def _shown(values: np.ndarray) -> np.ndarray:
    """[H, W, C] as colours of three channels, of any other number as grey, their mean: [H, W, 3] in [0, 1]."""
    return np.clip(values if values.shape[-1] == 3 else values.mean(axis=-1, keepdims=True).repeat(3, -1), 0, 1)


def _small(values: np.ndarray, most: int, apart: tuple[float, ...]) -> np.ndarray:
    """[H, W, C] averaged over blocks, so that the longer side has at most `most`; an uneven rest is left out.

    apart: of samples along both axes. Where these differ, pixels repeat, so that a pixel is as high as it is wide.
    """
    steps = [step / min(apart) for step in apart]
    extent = [n * step for n, step in zip(values.shape[:2], steps, strict=True)]
    pixel = math.ceil(max(extent) / most)
    rows, columns = (min(n, max(1, int(pixel / step))) for n, step in zip(values.shape[:2], steps, strict=True))
    height, width = values.shape[0] // rows, values.shape[1] // columns
    blocks = values[: height * rows, : width * columns].reshape(height, rows, width, columns, -1).mean(axis=(1, 3))
    high, wide = (max(1, int(side / pixel)) for side in extent)
    return blocks[np.arange(high) * height // high][:, np.arange(wide) * width // wide]


def _heat(values: np.ndarray) -> np.ndarray:
    """[H, W], of which 1 is the palest, as [H, W, 4]: from black over red to a pale yellow."""
    import matplotlib

    with np.errstate(divide="ignore"):
        shares = 1 + np.log10(values) / DECADES
    return _opaque(matplotlib.colormaps["inferno"](np.clip(shares, 0, 1))[..., :3])


def _opaque(colour: np.ndarray) -> np.ndarray:
    """[H, W, 3] in [0, 1] as [H, W, 4] in 8 bit."""
    eight_bit = np.round(255 * colour).astype(np.uint8)
    return np.concatenate([eight_bit, np.full_like(eight_bit[..., :1], 255)], axis=-1)


def _stack(slices: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures [H, W, 4] one below the other, with transparent gaps; narrower ones are filled up."""
    width = max(one.shape[1] for one in slices)
    tops = [sum(one.shape[0] + GAP for one in slices[:i]) for i in range(len(slices))]
    page = np.zeros((tops[-1] + slices[-1].shape[0], width, 4), np.uint8)
    for top, one in zip(tops, slices, strict=True):
        page[top : top + one.shape[0], : one.shape[1]] = one
    return page


def _webp(pixels: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=QUALITY, method=4)
    return base64.b64encode(buffer.getvalue()).decode()
