"""A user's own image or volume as a signal. What was done to its values is said in `Signal.source`."""

import hashlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.errors import UsageError
from target_signals import shrink
from target_signals.base import Kind, Signal, SignalFamily, register
from target_signals.readers.array import read_nifti, read_npy, read_npz, read_tiff
from target_signals.readers.decoded import Decoded, Unusable, check_size, check_type
from target_signals.readers.picture import read_picture
from target_signals.recorded.local_files import sha256
from target_signals.resample import shrink_occupancy

READERS: dict[str, Callable[[Path], Decoded]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pnm"), read_picture),
    **dict.fromkeys((".tif", ".tiff"), read_tiff),
    ".npy": read_npy,
    ".npz": read_npz,
    **dict.fromkeys((".nii", ".nii.gz"), read_nifti),
}
KINDS: dict[int, Kind] = {2: "image", 3: "volume"}
TYPICAL_LENGTH = {2: 512, 3: 128}  # samples an axis, for estimates of cost
LONGEST_NAME = 60  # characters of a file's name that an item keeps


@register
class UserFile(SignalFamily):
    """What rows of a user's own file or array are filed under; `load_signal` and `from_array` make the signal."""

    name = "UserFile"
    dims = (2, 3)
    bands = False

    @classmethod
    def points(cls, dim: int, length: int | None) -> int:
        return (length or TYPICAL_LENGTH[dim]) ** dim

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        raise UsageError("UserFile is no signal by itself; give --signal the path of an image or a volume")


def is_path(text: str) -> bool:
    """Whether a user who writes this means a file rather than a registered signal."""
    if "/" in text or any(text.lower().endswith(ending) for ending in READERS):
        return True
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long, or with a character that no file name has
        return False


def from_array(values: np.ndarray, channels_last: bool = False) -> tuple[Signal, str]:
    """An array in memory, as it is, and what rows call it: [*shape] or [*shape, C], two or three axes in shape."""
    array = np.asarray(values)
    dim = array.ndim - channels_last
    try:
        check_type(array.dtype)
        if dim not in (2, 3):
            raise Unusable(f"its shape {array.shape} has {dim} lattice axes; give 2 or 3, and channels_last for a C")
        check_size(array.shape, dim)
        normalise(array, None)  # for what it refuses
    except Unusable as error:
        raise UsageError(f"the array cannot be used: {error}") from error
    array = np.ascontiguousarray(array, dtype=np.float32)
    item = f"array-{hashlib.sha256(array.tobytes()).hexdigest()[:8]}"
    return Signal(array, dim, KINDS[dim], source="an array in memory, as it is"), item


def load_signal(path: str | Path, length: int | None = None) -> Signal:
    """An image or a volume, float32 in [0, 1]; `length` shrinks its longest axis.

    Whole numbers of a picture format are divided by its white; bool and arrays of 0 and 1 stay as they
    are; everything else is scaled from its own range. An array of two axes is a grey image, of three a
    volume. Raises UsageError for whatever cannot be used.
    """
    place = existing(path)
    suffix = suffix_of(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a decoder's doubts end in an error here, or in nothing
        try:
            if not place.stat().st_size:
                raise Unusable("it is empty; save it again")
            decoded = READERS[suffix](place)
            values, how = normalise(decoded.values, decoded.peak)
        except Unusable as error:
            raise UsageError(f"'{path}' cannot be used: {error}") from error
        except Exception as error:  # decoders raise anything for a damaged file
            cause = f"{type(error).__name__} {str(error)[:120]}".strip()
            raise UsageError(
                f"'{path}' cannot be read as {suffix}: {cause}; it may be damaged, save it again"
            ) from error
    dim = 2 if decoded.kind == "image" else 3
    source = "; ".join([f"{decoded.words[0]}, {how}", *decoded.words[1:]])
    return Signal(np.ascontiguousarray(_shrunk(values, dim, length)), dim, decoded.kind, source=source)


def item_of(path: str | Path) -> str:
    """What rows call a file: its name, made safe for other file names, and 8 digits of its content's SHA-256."""
    place = existing(path)
    suffix_of(place)
    try:
        digest = sha256(place)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}; make it readable") from error
    name = re.sub(r"[^A-Za-z0-9._-]", "_", place.name)[-LONGEST_NAME:].lstrip("._-")
    return f"{name or 'file'}-{digest[:8]}"


def existing(path: str | Path) -> Path:
    """The path of a regular file, or UsageError."""
    place = Path(path)
    try:
        folder, there = place.is_dir(), place.is_file()
    except (OSError, ValueError):  # too long, or with a character that no file name has
        folder = there = False
    if folder:
        raise UsageError(f"'{path}' is a folder; name one file in it")
    if not there:
        raise UsageError(f"no file '{path}'; give the path of an image or a volume")
    return place


def suffix_of(place: Path) -> str:
    """The ending that names a file's format, or UsageError."""
    name = place.name.lower()
    endings = [ending for ending in READERS if name.endswith(ending)]
    if not endings:
        raise UsageError(f"'{place}' is of no known format; known: {' '.join(READERS)}")
    return max(endings, key=len)


def normalise(values: np.ndarray, peak: float | None) -> tuple[np.ndarray, str]:
    """Values as float32 in [0, 1], and how they got there."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(values.size - np.isfinite(values).sum())
        raise Unusable(f"{bad} of its {values.size} values are NaN or infinite; replace them")
    low, high = values.min(), values.max()
    if low == high:
        raise Unusable(f"all its values are {low}; there is nothing to fit, give another")
    if values.dtype.kind == "b" or (peak is None and bool(np.isin(values, (0, 1)).all())):
        return values.astype(np.float32), "0 and 1 as they are"
    if peak is not None:
        return (values / np.float32(peak)).astype(np.float32), f"divided by {peak:g}"
    if values.dtype.kind in "iu":
        # differences modulo 2⁶⁴ are exact for every type of integer, float64 is not
        above = values.astype(np.uint64) - np.uint64(int(low) % 2**64)
        scaled = above / (int(high) - int(low))
    else:
        wide = values.astype(np.float64)
        low, high = wide.min(), wide.max()
        if not np.isfinite(high - low):  # the range overflows: half of it does not
            wide, low, high = wide / 2, low / 2, high / 2
        if not (np.isfinite(high - low) and high > low):
            raise Unusable(f"its values, {values.min()} to {values.max()}, do not fit into float64; rescale them")
        scaled = (wide - low) / (high - low)
    return scaled.astype(np.float32), f"scaled from [{values.min():g}, {values.max():g}] to [0, 1]"


def _shrunk(values: np.ndarray, dim: int, length: int | None) -> np.ndarray:
    shape = shrink.shorter(values.shape[:dim], length)
    if shape == values.shape[:dim]:
        return values
    if dim == 2:
        return shrink.image(values, shape)
    if ((values == 0) | (values == 1)).all():
        return shrink_occupancy(values == 1, shape).astype(np.float32)
    return shrink.grey_volume(values, shape)
