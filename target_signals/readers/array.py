"""A user's array: NumPy's .npy and .npz, and what an array's axes mean.

An array says nothing of its axes. Those of one sample are dropped. Two are a grey image, three are a volume, unless
the last one has 3 or 4 samples: then it is taken as RGB or RGBA, which is said, and a person's `dim` 3 overrules it.
In an image, 255 of uint8 is white, unless there is nothing above 1.
"""

import zipfile
from pathlib import Path

import numpy as np

from common.files import Unfit
from target_signals.readers import npy
from target_signals.readers.decoded import COLOURS, WHITE, Decoded, check_size, check_type, white_of


def read_npy(path: Path, dim: int | None) -> Decoded:
    """A .npy file. Raises Unfit, or whatever NumPy does for a damaged file."""
    with path.open("rb") as file:
        return of_array(npy.read_npy(file, path.stat().st_size, check_array), dim, [])


def read_npz(path: Path, dim: int | None) -> Decoded:
    """The one array of a .npz file. Raises Unfit, or whatever NumPy and zipfile do for a damaged file."""
    with zipfile.ZipFile(path) as archive:
        arrays = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if len(arrays) != 1:
            names = ", ".join(info.filename.removesuffix(".npy")[:40] for info in arrays[:10]) or "none"
            raise Unfit(f"it has {len(arrays)} arrays ({names}) and must have one; save that one as .npy")
        with archive.open(arrays[0]) as file:
            values = npy.read_npy(file, arrays[0].file_size, check_array)
        return of_array(values, dim, [f"array '{arrays[0].filename.removesuffix('.npy')}'"])


def of_array(values: np.ndarray, dim: int | None, words: list[str], otherwise: str = "dim 3") -> Decoded:
    """An array that `check_array` has passed, with its axes read as this file says.

    dim: 2 or 3 where one is asked for. otherwise: what makes colours an axis of space, for people.
    """
    thick, dropped = without_thin_axes(values)
    words = [values.dtype.name, *words, *dropped]
    mask = bool(thick.max() <= 1)
    if thick.ndim == 2:
        return Decoded(thick, "image", WHITE["uint8"] if thick.dtype == np.uint8 and not mask else None, words)
    if thick.shape[-1] not in COLOURS or dim == 3:
        if thick.shape[0] in COLOURS:
            words.append(f"a volume of {len(thick)} slices; if these are colours, move that axis last")
        return Decoded(thick, "volume", None, words)
    colours = "RGB" if thick.shape[-1] == 3 else "RGBA"
    words.append(f"its last axis taken as {colours}; {otherwise} takes it as one of space")
    if thick.shape[-1] == 4:
        words.append("alpha dropped")
    integers = thick.dtype.kind in "biu"
    return Decoded(thick[..., :3], "image", None if mask and integers else white_of(thick[..., :3]), words)


def without_thin_axes(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """An array without its axes of one sample, and what there is to say about it."""
    thick = values.reshape([n for n in values.shape if n != 1])
    return thick, [f"shape {values.shape} without its axes of 1"] if thick.ndim < values.ndim else []


def check_array(shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse what is no image and no volume, by shape and type alone."""
    check_type(dtype)
    thick = tuple(n for n in shape if n != 1)
    if len(thick) not in (2, 3):
        but = f", shape {shape}" if len(thick) == len(shape) else f" beside those of 1, shape {shape}"
        raise Unfit(f"it has {len(thick)} axes{but}; give 2 for a grey image or 3 for a volume")
    check_size(thick, 2 if thick[-1] in COLOURS else len(thick))
