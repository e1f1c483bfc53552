"""Codecs as yardsticks: real files of an image or a volume at a ladder of qualities, and what they decode to.

Images within [0, 1] go through Pillow in 8 bit, volumes of one channel through zfp (Lindstrom 2014) and SZ3 (Liang et
al. 2023) in float32. Bytes are those of whole files, headers included.
"""

import importlib.util
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.analysis.bits.bjontegaard import Point
from target_signals.tasks.metrics import clipped_psnr

Coded = tuple[int, Callable[[], np.ndarray]]  # bytes, and what decodes them to values [*shape, C]
BYTES_OF_LENGTH = 4  # of an axis
Codec = Callable[[np.ndarray, float], Coded]
QUALITIES = (1, 3, 6, 10, 20, 30, 45, 60, 75, 90, 95)
SHARES = (400, 200, 100, 50, 25, 12, 6, 3)  # of the raw bytes to those of a JPEG 2000 file
TOLERANCES = tuple(2.0**-k for k in range(1, 11))  # greatest errors in volumes
FILES = 9  # of a codec, to find the largest that is small enough: the last two are 1/256 of the ladder apart


def pillow(name: str, **options: Any) -> Codec:
    """A codec of images [H, W, C] in [0, 1] through Pillow's format of that name, by `quality`."""
    return lambda values, quality: _through(values, name, options | {"quality": int(quality)})


def jpeg2000(values: np.ndarray, share: float) -> Coded:
    """JPEG 2000 with the irreversible wavelet, by the raw bytes over those of the file."""
    return _through(values, "JPEG2000", {"quality_layers": [share], "irreversible": True, "no_jp2": True})


def zfp(values: np.ndarray, tolerance: float) -> Coded:
    """A volume [D, H, W, 1] with errors of at most `tolerance`."""
    import zfpy

    data = zfpy.compress_numpy(np.ascontiguousarray(values[..., 0], dtype=np.float32), tolerance=tolerance)
    return len(data), lambda: zfpy.decompress_numpy(data)[..., None]


def sz3(values: np.ndarray, tolerance: float) -> Coded:
    """A volume [D, H, W, 1] with errors of at most `tolerance`. Its stream does not hold the shape, which is added."""
    import imagecodecs

    volume = np.ascontiguousarray(values[..., 0], dtype=np.float32)
    data = imagecodecs.sz3_encode(volume, mode="abs", abs=tolerance)

    def decode() -> np.ndarray:
        return imagecodecs.sz3_decode(data, shape=volume.shape, dtype=volume.dtype)[..., None]

    return len(data) + BYTES_OF_LENGTH * volume.ndim, decode


class Measured(NamedTuple):
    """One file of a codec's: where it lies, and the seconds that it took to encode and to decode."""

    point: Point
    seconds: tuple[float, float]


IMAGES: Mapping[str, tuple[Codec, tuple[float, ...], str]] = {  # codec, ladder, what Pillow calls its library
    "JPEG": (pillow("JPEG", optimize=True), QUALITIES, "jpg"),
    "JPEG 2000": (jpeg2000, SHARES, "jpg_2000"),
    "WebP": (pillow("WEBP", method=6), QUALITIES, "webp"),
    "AVIF": (pillow("AVIF"), QUALITIES, "avif"),
}
VOLUMES: Mapping[str, tuple[Codec, tuple[float, ...], str]] = {  # codec, ladder, how it is installed
    "zfp": (zfp, TOLERANCES, "pip install -e '.[bits]'"),
    "SZ3": (sz3, TOLERANCES, "pip install -e '.[codecs]'"),
}
REFERENCES = {2: "JPEG", 3: "zfp"}  # by dimension: what others are held to


def absent(dim: int) -> list[str]:
    """The codecs that this installation lacks."""
    if dim == 3:
        here = _volume_codecs()
        return [f"{name} ({how})" for name, (*_, how) in VOLUMES.items() if name not in here]
    from PIL import features

    known = {*features.modules, *features.codecs, *features.features}
    return [name for name, (*_, library) in IMAGES.items() if library not in known or not features.check(library)]


def _volume_codecs() -> list[str]:
    """The codecs of volumes that are installed."""
    found = ["zfp"] if importlib.util.find_spec("zfpy") is not None else []
    if importlib.util.find_spec("imagecodecs") is not None:
        import imagecodecs

        if getattr(getattr(imagecodecs, "SZ3", None), "available", False):  # older versions and some systems lack it
            found.append("SZ3")
    return found


def curves(truth: np.ndarray) -> dict[str, list[Measured | None]]:
    """For every codec that is here and takes values [*shape, C], a file at each step of its ladder, None where it
    cannot code at that step. PSNR is of values clipped to the truth's range, as in rows."""
    found = {}
    for name, (codec, ladder) in _ladders(truth).items():
        _measure(truth, codec, ladder[0])  # the first file loads a library, which is no part of its seconds
        found[name] = [_measure(truth, codec, step) for step in ladder]
    return found


def within(truth: np.ndarray, size: float) -> dict[str, float]:
    """PSNR of each codec's best file of at most `size` bytes, found by halving its ladder, whose files grow, also
    between steps; codecs without such a file are left out."""
    most = 8 * size / math.prod(truth.shape[:-1])
    found: dict[str, float] = {}
    for name, (codec, ladder) in _ladders(truth).items():
        low, high = 0.0, len(ladder) - 1.0
        place = high
        for _ in range(FILES):
            measured = _measure(truth, codec, _step(ladder, place))
            if measured is None:  # too small a file for this codec
                low = place
            elif measured.point.rate > most:
                high = place
            else:
                low = place
                found[name] = max(measured.point.psnr, found.get(name, -math.inf))
            if low == high:  # the largest file of all is small enough, or cannot be made
                break
            place = (low + high) / 2
    return found


def _step(ladder: Sequence[float], place: float) -> float:
    """The step at a place in a ladder, between two of them by their ratio."""
    before = min(int(place), len(ladder) - 2)
    return float(ladder[before] * (ladder[before + 1] / ladder[before]) ** (place - before))


def _ladders(truth: np.ndarray) -> dict[str, tuple[Codec, tuple[float, ...]]]:
    """The codecs that are here and take values [*shape, C], and their steps."""
    dim = truth.ndim - 1
    if dim == 2 and truth.shape[-1] in (1, 3) and truth.min() >= 0 and truth.max() <= 1:  # 8 bits would clip others
        return {name: (codec, ladder) for name, (codec, ladder, _) in IMAGES.items() if name not in absent(2)}
    if dim == 3 and truth.shape[-1] == 1:
        return {name: VOLUMES[name][:2] for name in _volume_codecs()}
    return {}


def _measure(truth: np.ndarray, codec: Codec, step: float) -> Measured | None:
    start = time.perf_counter()
    try:
        size, decode = codec(truth, step)
        between = time.perf_counter()
        decoded = decode()
    except (OSError, ValueError, RuntimeError):  # such as WebP's and, the last, AVIF's of too long an axis
        return None
    seconds = between - start, time.perf_counter() - between
    return Measured(Point(8 * size / math.prod(truth.shape[:-1]), clipped_psnr(truth, decoded)), seconds)


def _through(values: np.ndarray, name: str, options: dict[str, Any]) -> Coded:
    """The round trip through a file of Pillow's, in 8 bit."""
    from PIL import Image

    content = np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(content[..., 0] if content.shape[-1] == 1 else content).save(file, format=name, **options)

    def decode() -> np.ndarray:
        with Image.open(file) as found:
            decoded = np.asarray(found.convert("L" if content.shape[-1] == 1 else "RGB"))
        return decoded.reshape(content.shape).astype(np.float32) / 255

    return file.getbuffer().nbytes, decode
