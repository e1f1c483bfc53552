"""`python -m target_signals.readers.itk_process FILE FORM FOLDER LARGEST`: what SimpleITK reads, left in a folder.

The folder gets values.npy, and answer.json with what is said of them, or why there are none. A process that leaves no
answer was ended by a library below ITK.
"""

import json
import math
import re
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from common.errors import cause_of
from common.files import Unfit
from target_signals.readers import decoded
from target_signals.readers.decoded import COLOURS

MOST_UNPACKED = 1032  # bytes that a byte of gzip can stand for
PARALLEL = 1e-3  # difference of directions, as cosines
METAIMAGE = "MetaImageIO"
GZIP_OR_ZLIB = 47  # to zlib: whichever of them it is
EQUAL = 0.05  # share of the greatest distance of neighbours: scanners round where slices lie
PHOTOMETRIC = "0028|0004"  # DICOM's tag that says whether low values are black


def main(path: str, form: str, folder: str, largest: str) -> None:
    """Read a file and leave the answer. form: ITK's name of the format's reader. largest: number of values to read."""
    decoded.LARGEST = int(largest)
    try:
        values, answer = read(Path(path), form)
        np.save(Path(folder) / "values.npy", values, allow_pickle=False)
    except Unfit as error:
        answer = {"unfit": str(error)}
    except RuntimeError as error:  # ITK's last sentence, without the place in its source
        answer = {"error": str(error).strip().splitlines()[-1].rpartition("): ")[2]}
    except Exception as error:  # its message is for the process that asked
        answer = {"error": cause_of(error)}
    (Path(folder) / "answer.json").write_text(json.dumps(answer))


def read(path: Path, form: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The values [*shape(, C)], and what is said of them. Nothing is allocated before the headers have passed."""
    files, words = (str(path),), []
    reader: Any = sitk.ImageFileReader()
    if path.is_dir():
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(path))
        if len(series) != 1:
            raise Unfit(f"it has {len(series)} DICOM series; give a folder with the files of one")
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path), series[0])
        words = [f"a series of {len(files)} files"]
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files)
    else:
        reader.SetFileName(files[0])
    reader.SetImageIO(form)
    headers = [header_of(file, form) for file in files]
    bands = check(headers[0], len(files), sum(Path(file).stat().st_size for file in files))
    if len(headers) > 1:
        words += check_slices(headers)
    if len({header.GetPixelID() for header in headers}) > 1:  # as slices may have scales of their own
        reader.SetOutputPixelType(sitk.sitkFloat64)
    image = reader.Execute()
    values = sitk.GetArrayFromImage(image)
    if form == METAIMAGE:
        check_unpacked(path, values)
    if headers[0].HasMetaDataKey(PHOTOMETRIC) and headers[0].GetMetaData(PHOTOMETRIC).strip() == "MONOCHROME1":
        words.append("its low values are white")
    return values, {"words": words, "colours": bands > 1, "affine": affine(image)}


def header_of(file: str, form: str) -> Any:
    """A file's header, in the reader that has read no more of it."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.SetImageIO(form)
    reader.ReadImageInformation()
    return reader


def check_slices(headers: list[Any]) -> list[str]:
    """What there is to say of where the slices of a series lie, or Unfit where they are not those of one volume."""
    sizes, frames = {header.GetSize() for header in headers}, np.array([header.GetDirection() for header in headers])
    if len(sizes) > 1 or np.abs(frames - frames[0]).max() > PARALLEL:
        raise Unfit("its slices differ in size or direction; give a folder with those of one volume alone")
    places = np.array([header.GetOrigin() for header in headers]) @ frames[0].reshape(3, 3)[:, 2]
    apart = np.diff(np.sort(places))
    least, most = apart.min(), apart.max()
    if most > 0 and least < EQUAL * most:  # where all lie at one place, the files do not say where
        raise Unfit(f"its slices lie {least:.3g} to {most:.3g} mm apart; give a folder with those of one volume alone")
    if most - least > EQUAL * most:
        return [f"its slices lie {least:.3g} to {most:.3g} mm apart, and are taken as equally far"]
    return []


def check_unpacked(path: Path, values: np.ndarray) -> None:
    """Unfit where the compressed values of a MetaImage file are not those that ITK has read: of damaged ones, and
    without a CompressedDataSize, it keeps whatever was in memory."""
    head, _, data = re.split(rb"(?im)(^\s*ElementDataFile[^\n]*\n)", path.read_bytes(), maxsplit=1)
    if re.search(rb"(?im)^\s*CompressedData\s*[=:]\s*[t1]", head):  # as ITK tells true from false
        try:
            unpacked = zlib.decompressobj(GZIP_OR_ZLIB).decompress(data, values.nbytes + 1)
        except zlib.error:
            unpacked = b""
        if not any(unpacked == order().data.cast("B") for order in (values.view, values.byteswap)):
            raise Unfit("its compressed values are damaged, or not as its header says; save it again")


def check(header: Any, files: int, size: int) -> int:
    """The number of values a sample, or Unfit. files: how many have such a header. size: of all of them in bytes."""
    shape, bands = tuple(reversed(header.GetSize())), header.GetNumberOfComponents()
    shape = (files, *shape) if files > 1 else shape
    if bands not in (1, *COLOURS):
        raise Unfit(f"it has {bands} values a sample; save one of them, or three as RGB")
    thick = tuple(n for n in shape if n != 1)
    if len(thick) not in ((2, 3) if bands == 1 else (2,)):
        raise Unfit(f"it has axes of {' × '.join(map(str, shape))}; give an image, or a grey volume")
    decoded.check_size((*thick, bands), len(thick))
    if "complex" in (kind := sitk.GetPixelIDValueAsString(header.GetPixelID())) or "label" in kind:
        raise Unfit(f"its values are of type {kind}; save it as integers or real numbers")
    if math.prod(thick) * bands > MOST_UNPACKED * size:
        raise Unfit("its header speaks of more values than its bytes can hold; copy or save it again")
    return bands


def affine(image: Any) -> list[list[float]] | None:
    """From the array's indices to space, [4, d + 1], as target_signals/geometry.py counts; None where a file says
    nothing of it, or one of the axes is of time.

    The array's axes are SimpleITK's in reverse. x and y of ITK and DICOM point the other way. Axes of one sample are
    left out.
    """
    size = image.GetSize()
    thick = [axis for axis in reversed(range(len(size))) if size[axis] != 1]
    if any(axis > 2 for axis in thick):
        return None
    n = min(len(size), 3)
    found = np.zeros((4, n + 1))
    found[:n, :-1] = np.reshape(image.GetDirection(), (len(size), -1))[:n, :n] * image.GetSpacing()[:n]
    found[:n, -1], found[3, -1] = image.GetOrigin()[:n], 1
    if np.array_equal(found, np.eye(4)[:, [*range(n), 3]]):
        return None  # what ITK has where a file says nothing
    return (np.diag([-1.0, -1.0, 1.0, 1.0]) @ found)[:, [*thick, n]].tolist()


if __name__ == "__main__":
    main(*sys.argv[1:])
