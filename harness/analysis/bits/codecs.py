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

from common.words import plural
from harness.analysis.bits.bjontegaard import Point
from target_signals.tasks.metrics import clipped_psnr

Coded = tuple[int, Callable[[], np.ndarray]]  # bytes, and what decodes them to values [*shape, C]
BYTES_OF_LENGTH = 4  # of an axis
Code = Callable[[np.ndarray, float], Coded]
QUALITIES = (1, 3, 6, 10, 20, 30, 45, 60, 75, 90, 95)
BEST = 100  # quality
SHARES = (400, 200, 100, 50, 25, 12, 6, 3)  # of the raw bytes to those of a JPEG 2000 file
TOLERANCES = tuple(2.0**-k for k in range(1, 11))  # greatest errors in volumes
ROUNDING = 2.0**-24  # of float32 below 1
FILES = 9  # of a codec, to find the largest that is small enough: the last two are 1/256 of the ladder apart at most


class Codec(NamedTuple):
    """A codec of images, or of volumes.

    code: codes values at a step. ladder: steps, of which each makes a larger file than the one before; a lossless codec
    has one. finest: the step of the largest file. is_here: whether this installation has it. install: the command that
    adds it; empty: Pillow has it, or not.
    """

    code: Code
    ladder: Sequence[float]
    finest: float
    is_here: Callable[[], bool]
    install: str = ""


def pillow(name: str, **options: Any) -> Code:
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


def in_pillow(library: str) -> Callable[[], bool]:
    """Whether Pillow was built with a library; by its name there, which not every version knows."""

    def is_here() -> bool:
        from PIL import features

        known = {*features.modules, *features.codecs, *features.features}
        return library in known and bool(features.check(library))

    return is_here


def has_zfp() -> bool:
    return importlib.util.find_spec("zfpy") is not None


def has_sz3() -> bool:
    """Whether imagecodecs is here with SZ3, which older versions and some systems lack."""
    if importlib.util.find_spec("imagecodecs") is None:
        return False
    import imagecodecs

    return bool(getattr(getattr(imagecodecs, "SZ3", None), "available", False))


CODECS: Mapping[int, Mapping[str, Codec]] = {  # by dimension
    2: {
        "JPEG": Codec(pillow("JPEG", optimize=True), QUALITIES, BEST, in_pillow("jpg")),
        "JPEG 2000": Codec(jpeg2000, SHARES, 1, in_pillow("jpg_2000")),
        "WebP": Codec(pillow("WEBP", method=6), QUALITIES, BEST, in_pillow("webp")),
        "AVIF": Codec(pillow("AVIF"), QUALITIES, BEST, in_pillow("avif")),
    },
    3: {
        "zfp": Codec(zfp, TOLERANCES, ROUNDING, has_zfp, "pip install -e '.[bits]'"),
        "SZ3": Codec(sz3, TOLERANCES, ROUNDING, has_sz3, "pip install -e '.[codecs]'"),
    },
}
CHANNELS = {2: (1, 3), 3: (1,)}  # that they take
REFERENCES = {2: "JPEG", 3: "zfp"}  # what others are held to


def absent(dim: int) -> list[str]:
    """The codecs that this installation lacks, with how to add them."""
    lacking = {name: codec.install for name, codec in CODECS[dim].items() if not codec.is_here()}
    return [f"{name} ({install})" if install else name for name, install in lacking.items()]


def place_of(name: str, dim: int) -> int:
    """A codec's place among those of its dimension, by which its line is dashed; one that is not known here, as of
    another version, comes behind them."""
    names = [*CODECS[dim]]
    return names.index(name) if name in names else len(names)


def curves(truth: np.ndarray) -> dict[str, list[Measured | None]]:
    """For every codec that is here and takes values [*shape, C], a file at each step of its ladder, None where it
    cannot code at that step. PSNR is of values clipped to the truth's range, as in rows."""
    found = {}
    for name, codec in fitting(truth).items():
        _measure(truth, codec, codec.ladder[0])  # the first file loads a library, which is no part of its seconds
        found[name] = [_measure(truth, codec, step) for step in codec.ladder]
    return found


def within(truth: np.ndarray, size: float) -> dict[str, float]:
    """PSNR of each codec's best file of at most `size` bytes, found by halving its ladder, whose files grow, also
    between steps, and where all are small enough from there to the finest; codecs without such a file are left out."""
    most = 8 * size / math.prod(truth.shape[:-1])
    found: dict[str, float] = {}
    for name, codec in fitting(truth).items():
        ladder = (*codec.ladder, codec.finest)
        low, high, last = 0.0, len(ladder) - 2.0, len(ladder) - 1.0
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
            if low < high:
                place = (low + high) / 2
            elif high < last:  # the ladder's largest file is small enough, or cannot be made
                place = high = last
            else:
                break
    return found


def _step(ladder: Sequence[float], place: float) -> float:
    """The step at a place in a ladder, between two of them by their ratio."""
    before = int(place)
    low, high = ladder[before], ladder[min(before + 1, len(ladder) - 1)]
    return float(low * (high / low) ** (place - before))


def fitting(truth: np.ndarray) -> dict[str, Codec]:
    """The codecs that are here and take values [*shape, C]."""
    if refused(truth):
        return {}
    return {name: codec for name, codec in CODECS[truth.ndim - 1].items() if codec.is_here()}


def refused(truth: np.ndarray) -> str:
    """Why codecs do not take values [*shape, C]; empty where they do."""
    dim, channels = truth.ndim - 1, truth.shape[-1]
    if channels not in CHANNELS[dim]:
        return f"it has {plural(channels, 'channel')}, and codecs take images of 1 or 3 and volumes of 1"
    if dim == 2 and (truth.min() < 0 or truth.max() > 1):
        return "its values leave [0, 1], and 8 bits would clip them"
    return ""


def _measure(truth: np.ndarray, codec: Codec, step: float) -> Measured | None:
    start = time.perf_counter()
    try:
        size, decode = codec.code(truth, step)
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
