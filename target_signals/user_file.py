"""A user's own image or volume as a signal. What was done to its values is said in `Signal.source`."""

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.errors import UsageError, cause_of, suggest_beside
from common.files import Unfit, sha256
from target_signals import shrink
from target_signals.base import Signal, SignalFamily, is_binary, register
from target_signals.item_names import called, with_digits
from target_signals.normalise import normalise, remark
from target_signals.readers.array import read_npy, read_npz
from target_signals.readers.decoded import Decoded
from target_signals.readers.itk import dicom_files, is_dicom, read_dicom, read_mha, read_nrrd
from target_signals.readers.nifti import read_nifti
from target_signals.readers.picture import read_picture
from target_signals.readers.tiff import read_tiff
from target_signals.resample import shrink_occupancy

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pnm")
READERS: dict[str, Callable[[Path, int | None], Decoded]] = {
    **dict.fromkeys(PICTURES, read_picture),
    **dict.fromkeys((".tif", ".tiff"), read_tiff),
    ".npy": read_npy,
    ".npz": read_npz,
    **dict.fromkeys((".nii", ".nii.gz"), read_nifti),
    ".nrrd": read_nrrd,
    ".mha": read_mha,
    ".dcm": read_dicom,
}
PACKAGES = {  # importable name of what reads a format → what that is
    "PIL": " ".join(PICTURES),
    "tifffile": ".tif .tiff",
    "imagecodecs": ".tif .tiff in LZW, ZSTD, WebP and the like",
    "numpy": ".npy .npz",
    "nibabel": ".nii .nii.gz",
    "SimpleITK": ".nrrd .mha .dcm, folders of DICOM",
}
TYPICAL_LENGTH = {2: 512, 3: 128}  # samples an axis, for estimates of cost


@register
class UserFile(SignalFamily):
    """What rows of a user's own file or array are filed under; `load_signal` and `from_memory` make the signal."""

    name = "UserFile"
    dims = (2, 3)
    bands = False
    draws = False

    @classmethod
    def points(cls, dim: int, length: int | None) -> int:
        return (length or TYPICAL_LENGTH[dim]) ** dim

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        raise UsageError("UserFile is no signal by itself; give --signal the path of an image or a volume")


def is_path(text: str) -> bool:
    """Whether a user who writes this means a file rather than a registered signal."""
    return "/" in text or "." in text or os.path.exists(text)


def load_signal(path: str | Path, length: int | None = None, dim: int | None = None) -> Signal:
    """An image or a volume, float32 in [0, 1]; `length` shrinks its longest axis.

    Whole numbers of a picture format are divided by its white; bool and arrays of 0 and 1 stay as they
    are; everything else is scaled from its own range. An array of two axes is a grey image, of three a
    volume, unless its last axis has 3 or 4 samples: these are taken as colours, and with `dim` 3 as one of space.
    Raises UsageError for whatever cannot be used.
    """
    place = existing(path)
    suffix = suffix_of(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a decoder's doubts end in an error here, or in nothing
        try:
            if not place.stat().st_size:
                raise Unfit("it is empty; save it again")
            decoded = READERS[suffix](place, dim)
            values, units, how = normalise(decoded.values, decoded.peak)
        except Unfit as error:
            raise UsageError(f"'{path}' cannot be used: {error}") from error
        except Exception as error:  # decoders raise anything for a damaged file
            raise UsageError(f"'{path}' {why_unread(error, suffix)}") from error
    lattice_dim = 2 if decoded.kind == "image" else 3
    words = [f"{decoded.words[0]}, {how}", *decoded.words[1:], *remark(decoded.values, decoded.peak, values)]
    geometry, old = decoded.geometry, values.shape[:lattice_dim]
    shape = shrink.shorter(old, length, None if geometry is None else geometry.spacing)
    if geometry is not None:
        geometry = geometry.of_cells(old, shape)
        words.append(str(geometry))
    shrunk = np.ascontiguousarray(_shrunk(values, shape))
    if shrunk.min() == shrunk.max():
        raise UsageError(f"'{path}' is {shrunk.min():g} everywhere at length {length}; give a larger length")
    if shape != old and lattice_dim == 3 and is_binary(values):
        words.append("1 in the smaller copy where any part was 1")
    return Signal(shrunk, lattice_dim, decoded.kind, source="; ".join(words), units=units, geometry=geometry)


def why_unread(error: Exception, suffix: str = "") -> str:
    """What an error of a decoder, of files with this ending, or of the system means: the end of a message that begins
    with the file's name."""
    cause = cause_of(error)
    match error:
        case OSError(errno=int()):
            return f"cannot be read: {error.strerror}; make it readable"
        case UnicodeEncodeError():
            return "cannot be read: its name is not UTF-8, which this format's reader needs; rename it"
        case ImportError():
            return f"cannot be read as {suffix} without a package that is not here: {cause}; install it"
        case MemoryError():
            return "cannot be read: it does not fit into memory; give a part of it or a smaller copy"
        case NotImplementedError():
            return f"is of a sort of {suffix} that is not read: {cause}; save it in another way"
    return f"cannot be read as {suffix}: {cause}; it may be damaged, save it again"


def item_of(path: str | Path) -> str:
    """What rows call a file: its name, of a long one the end, and 8 digits of its content's SHA-256."""
    place = existing(path)
    suffix_of(place)
    try:
        sums = [sha256(file) for file in (dicom_files(place) if place.is_dir() else [place])]
    except OSError as error:
        raise UsageError(f"'{path}' {why_unread(error)}") from error
    digest = sums[0] if not place.is_dir() else hashlib.sha256("".join(sums).encode()).hexdigest()
    return with_digits(called(place), digest)


def existing(path: str | Path) -> Path:
    """The path of a regular file, or of a folder with a DICOM series; or UsageError."""
    place = Path(path)
    if os.path.isdir(place):  # not pathlib's, which raises for a text that no file can be called
        try:
            if dicom_files(place):
                return place
        except OSError as error:
            raise UsageError(f"'{path}' {why_unread(error)}") from error
        raise UsageError(f"'{path}' is a folder without DICOM files; name one file in it")
    if not os.path.isfile(place):
        if os.path.lexists(place):
            raise UsageError(f"'{path}' is no regular file, or a link to none; give the path of an image or a volume")
        what = "file" if is_known(place) else "file or folder"
        raise UsageError(f"no {what} '{path}'{close_name(place)}; give the path of an image or a volume")
    return place


def close_name(place: Path) -> str:
    """`" (did you mean 'photo.png'?)"` where a path's folder has a readable file or a folder of a close name."""
    return suggest_beside(place, lambda entry: is_known(entry) or entry.is_dir())


def suffix_of(place: Path) -> str:
    """The ending that names a file's format, or UsageError. A folder is a DICOM series, whose files often have none."""
    if place.is_dir():
        return ".dcm"
    if not is_known(place):
        try:
            if is_dicom(place):
                return ".dcm"
        except OSError as error:
            raise UsageError(f"'{place}' {why_unread(error)}") from error
        known = " ".join(READERS)
        raise UsageError(f"'{place}' is of no known format; known: {known}; save it as one, floats as .tif or .npy")
    return max((ending for ending in READERS if place.name.lower().endswith(ending)), key=len)


def is_known(place: Path) -> bool:
    """Whether a file's name ends as one that can be read."""
    return place.name.lower().endswith(tuple(READERS))


def _shrunk(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values [*lattice(, C)] at a smaller shape of the lattice."""
    if shape == values.shape[: len(shape)]:
        return values
    if len(shape) == 2:
        return shrink.image(values, shape)
    if is_binary(values):
        return shrink_occupancy(values == 1, shape).astype(np.float32)
    return shrink.grey_volume(values, shape)
