"""A user's array: NumPy's .npy and .npz, NIfTI's .nii and .nii.gz, and TIFF with its many types and pages."""

import gzip
import logging
import struct
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from target_signals.readers import npy
from target_signals.readers.compression import check_parts
from target_signals.readers.decoded import Decoded, Unusable, check_size, check_type
from target_signals.readers.picture import read_picture

NIFTI = {struct.pack(order + "i", size): f"Nifti{n}Header" for n, size in ((1, 348), (2, 540)) for order in "<>"}
LONGEST_HEADER = 1 << 24  # bytes before a volume's values


def read_npy(path: Path) -> Decoded:
    with path.open("rb") as file:
        return _array(npy.read_npy(file, path.stat().st_size, _check_array), [])


def read_npz(path: Path) -> Decoded:
    with zipfile.ZipFile(path) as archive:
        arrays = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if len(arrays) != 1:
            names = ", ".join(info.filename.removesuffix(".npy")[:40] for info in arrays[:10]) or "none"
            raise Unusable(f"it has {len(arrays)} arrays ({names}) and must have one; save that one as .npy")
        with archive.open(arrays[0]) as file:
            values = npy.read_npy(file, arrays[0].file_size, _check_array)
        return _array(values, [f"array '{arrays[0].filename.removesuffix('.npy')}'"])


def read_nifti(path: Path) -> Decoded:
    try:
        import nibabel
    except ImportError as error:
        raise Unusable("reading NIfTI needs nibabel; pip install nibabel, or this suite as '.[volumes]'") from error
    with _quiet("nibabel.global"), gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
        start = file.read(nibabel.Nifti2Header.sizeof_hdr)
        kind = NIFTI.get(start[:4])
        if kind is None:
            raise Unusable("its first four bytes are not those of NIfTI; save it again")
        header = getattr(nibabel, kind)(start[: getattr(nibabel, kind).sizeof_hdr])  # extensions are left alone
        shape = tuple(int(n) for n in header.get_data_shape())
        words = []
        while len(shape) > 3 and shape[-1] == 1:  # NIfTI writes a single volume with axes for time and more
            words = [f"shape {header.get_data_shape()} without its last axes"]
            shape = shape[:-1]
        _check_array(shape, np.dtype(header.get_data_dtype()))
        if not 0 <= (offset := header.get_data_offset()) <= LONGEST_HEADER:
            raise Unusable(f"its values begin at byte {offset:.3g}, and at most {LONGEST_HEADER:,} are passed over")
        return _array(np.asarray(header.data_from_fileobj(file)).reshape(shape), words)


def _check_array(shape: tuple[int, ...], dtype: np.dtype) -> None:
    check_type(dtype)
    if len(shape) not in (2, 3):
        raise Unusable(f"it has {len(shape)} axes, shape {shape}; give 2 for a grey image or 3 for a volume")
    check_size(shape, len(shape))


def _array(values: np.ndarray, words: list[str]) -> Decoded:
    return Decoded(values, "image" if values.ndim == 2 else "volume", None, [values.dtype.name, *words])


def read_tiff(path: Path) -> Decoded:
    """Pictures of 8 bits are left to Pillow, which knows every colour model; the rest goes through tifffile."""
    import tifffile

    with _quiet("tifffile"), tifffile.TiffFile(path) as file:
        series, pages = file.series[0], len(file.pages)
        first: Any = file.pages.first
        if pages == 1 and series.dtype is not None and (series.dtype.itemsize == 1 and series.dtype.kind in "bu"):
            return read_picture(path)
        shape, axes = series.shape, series.axes
        check_type(np.dtype(series.dtype))
        words = [f"the first of {len(file.series)} series"] if len(file.series) > 1 else []
        colour = "unknown" if first.photometric is None else first.photometric.name
        if colour not in ("MINISBLACK", "RGB"):
            raise Unusable(f"its colour model is {colour}; save it as grey or RGB")
        dim = len(shape) - ("S" in axes)
        if dim not in (2, 3) or (dim == 3 and "S" in axes):
            raise Unusable(f"it has axes {axes}, shape {shape}; give an image, or a grey volume of equal pages")
        check_size(shape if "S" not in axes else (*(n for n, a in zip(shape, axes, strict=True) if a != "S"), 3), dim)
        check_parts(series.pages)
        try:
            values = series.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            if pages == 1:
                return read_picture(path)
            raise Unusable(f"its compression needs the package imagecodecs; save it uncompressed ({error})") from error
    if "S" in axes:
        values = np.moveaxis(values, axes.index("S"), -1)
        if values.shape[-1] not in (1, 3):
            words.append("alpha dropped")
        values = values[..., 0] if values.shape[-1] < 3 else values[..., :3]
    if dim == 3:
        return Decoded(values, "volume", None, [f"{len(values)} pages of {values.dtype.name}", *words])
    what = f"{values.dtype.name} {'RGB' if values.ndim == 3 else 'grey'}"
    if values.dtype == np.uint16:
        return Decoded(values, "image", 65535.0, [what.replace("uint16", "16-bit"), *words])
    return Decoded(values, "image", 255.0 if values.dtype == np.uint8 else None, [what, *words])


@contextmanager
def _quiet(name: str) -> Any:
    """Hold a library's log back: what is wrong with a file is said once, by us."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
