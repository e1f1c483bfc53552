"""A user's medical volume through SimpleITK: NRRD, MetaImage, and DICOM, one file or a folder with a series.

Arrays come with their slices first, [Z, Y, X], as SimpleITK gives them. A header that names another file for its
values is refused: a file that somebody sent leads to no other one.
"""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from target_signals.geometry import Geometry
from target_signals.readers.array import without_thin_axes
from target_signals.readers.decoded import COLOURS, Decoded, Unusable, check_size, white_of

LONGEST_HEADER = 1 << 16  # bytes of text before the values of NRRD and MetaImage
MOST_UNPACKED = 1032  # bytes that a byte of gzip can stand for
DICOM_FORM = "GDCMImageIO"
LACKS = "reading {} needs SimpleITK; pip install SimpleITK, or this suite as '.[volumes]'"
ELSEWHERE = "its header names another file for its values; save both in one file, as {}"
DICOM_MARK = (128, b"DICM")  # where a DICOM file says what it is


def read_nrrd(path: Path, dim: int | None) -> Decoded:
    start = _start(path)
    if not start.startswith(b"NRRD"):
        raise Unusable("its first four bytes are not those of NRRD; save it again")
    end = re.search(rb"\r?\n\r?\n", start)
    if end is None:
        raise Unusable(f"its header does not end within {LONGEST_HEADER:,} bytes; save it again")
    if re.search(rb"(?im)^\s*data\s?file\s*:", start[: end.start()]):
        raise Unusable(ELSEWHERE.format(".nrrd"))
    return _read(path, "NrrdImageIO", "NRRD")


def read_mha(path: Path, dim: int | None) -> Decoded:
    named = re.search(rb"(?im)^\s*ElementDataFile\s*[=:][ \t]*([^\r\n]*)", _start(path))
    if named is None:
        raise Unusable("it has no header of MetaImage, which ends with ElementDataFile; save it again")
    if named[1].strip().upper() != b"LOCAL":
        raise Unusable(ELSEWHERE.format(".mha"))
    return _read(path, "MetaImageIO", "MetaImage")


def read_dicom(path: Path, dim: int | None) -> Decoded:
    """One file, which may hold several frames, or a folder, whose slices are ordered by where they lie."""
    if not path.is_dir():
        if not is_dicom(path):
            raise Unusable("it is no DICOM file, as bytes 128 to 131 do not say DICM; save it again")
        return _read(path, DICOM_FORM, "DICOM")
    sitk = _simpleitk("DICOM")
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(path))
    if len(series) != 1:
        raise Unusable(f"it has {len(series)} DICOM series; give a folder with the files of one")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path), series[0])
    first = sitk.ImageFileReader()
    first.SetFileName(names[0])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    return _decoded(sitk, first, reader, DICOM_FORM, [f"DICOM series of {len(names)} files"], len(names))


def is_dicom(path: Path) -> bool:
    at, mark = DICOM_MARK
    with path.open("rb") as file:
        return file.read(at + len(mark))[at:] == mark


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path))


def _read(path: Path, form: str, name: str) -> Decoded:
    sitk = _simpleitk(name)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    return _decoded(sitk, reader, reader, form, [name], 1)


def _decoded(sitk: Any, first: Any, reader: Any, form: str, words: list[str], files: int) -> Decoded:
    """What `reader` gives, once the header that `first` reads has passed. files: how many have such a header."""
    for one in (first, reader):
        one.SetImageIO(form)
    _said(first.ReadImageInformation)
    shape = (files, *reversed(first.GetSize())) if files > 1 else tuple(reversed(first.GetSize()))
    bands = first.GetNumberOfComponents()
    if bands not in (1, *COLOURS):
        raise Unusable(f"it has {bands} values a sample; save one of them, or three as RGB")
    thick = tuple(n for n in shape if n != 1)
    if len(thick) not in ((2, 3) if bands == 1 else (2,)):
        raise Unusable(f"it has axes of {' × '.join(map(str, shape))}; give an image, or a grey volume")
    check_size((*thick, bands), len(thick))
    if "complex" in (kind := sitk.GetPixelIDValueAsString(first.GetPixelID())) or "label" in kind:
        raise Unusable(f"its values are of type {kind}; save it as integers or real numbers")
    if form != DICOM_FORM and math.prod(thick) * bands > MOST_UNPACKED * Path(first.GetFileName()).stat().st_size:
        raise Unusable("its header speaks of more values than its bytes can hold; copy or save it again")
    image = _said(reader.Execute)
    values = sitk.GetArrayFromImage(image)
    inverse = first.HasMetaDataKey("0028|0004") and first.GetMetaData("0028|0004").strip() == "MONOCHROME1"
    words += ["its low values are white"] if inverse else []
    return _as_said(values, bands, words, _geometry(image))


def _geometry(image: Any) -> Geometry | None:
    """Of all axes but those of one sample, in the order of the array's, which is SimpleITK's reversed. In mm, as ITK
    and DICOM count; their x and y point the other way."""
    size = image.GetSize()
    thick = [axis for axis, n in enumerate(size) if n != 1]
    if len(size) > 3:
        return None
    affine = np.zeros((4, len(size) + 1))
    turned = np.reshape(image.GetDirection(), (len(size), len(size)))
    affine[: len(size), :-1] = turned * image.GetSpacing()
    affine[: len(size), -1], affine[3, -1] = image.GetOrigin(), 1
    found = Geometry.of(affine[:, [*reversed(thick), -1]], "mm")
    return None if found is None else Geometry(np.diag([-1, -1, 1, 1]) @ found.affine, found.unit)


def _as_said(values: np.ndarray, bands: int, words: list[str], geometry: Geometry | None) -> Decoded:
    """Values [*shape] or, with bands, [*shape, C], without axes of 1."""
    name, *more = words
    thick, dropped = without_thin_axes(values)
    words = [f"{name}, {values.dtype.name}", *more, *dropped]
    if bands == 1:
        return Decoded(thick, "image" if thick.ndim == 2 else "volume", None, words, geometry)
    words += ["alpha dropped"] * (bands == 4)
    return Decoded(thick[..., :3], "image", white_of(thick[..., :3]), words, geometry)


def _said(work: Callable[[], Any]) -> Any:
    """The work's result; errors of ITK keep their last sentence alone, without the place in its source.

    Libraries below ITK print what they find to the process's standard error, which is held back meanwhile.
    """
    before = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        return work()
    except RuntimeError as error:
        raise ValueError(str(error).strip().splitlines()[-1].rpartition("): ")[2]) from error
    finally:
        os.dup2(before, 2)
        os.close(before)


def _simpleitk(name: str) -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise Unusable(LACKS.format(name)) from error
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    return SimpleITK


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_HEADER)
