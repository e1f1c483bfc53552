"""A user's medical volume through SimpleITK: NRRD, MetaImage, and DICOM, one file or a folder with a series.

Arrays come with their slices first, [Z, Y, X], as SimpleITK gives them. A header that names another file for its
values is refused: a file that somebody sent leads to no other one. And as damaged files make ITK abort, it reads in a
process of its own (target_signals/readers/itk_process.py).
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from common.files import ROOT, Unfit
from target_signals.geometry import Geometry
from target_signals.readers import decoded
from target_signals.readers.array import without_thin_axes
from target_signals.readers.decoded import Decoded, white_of

LONGEST_HEADER = 1 << 16  # bytes of text before the values of NRRD and MetaImage
ELSEWHERE = "its header names another file for its values; save both in one file, as {}"
DICOM_MARK = (128, b"DICM")  # where a DICOM file says what it is
MM = "mm"  # what ITK's formats measure in, unless a file says otherwise
PATIENCE = 600  # seconds for one file


def read_nrrd(path: Path, dim: int | None) -> Decoded:
    """A .nrrd file whose values follow its header. Raises Unfit, or ValueError for what ITK cannot read."""
    start = _start(path)
    if not start.startswith(b"NRRD"):
        raise Unfit("its first four bytes are not those of NRRD; save it again")
    end = re.search(rb"\r?\n\r?\n", start)
    if end is None:
        raise Unfit(f"its header does not end within {LONGEST_HEADER:,} bytes; save it again")
    header = start[: end.start()]
    if re.search(rb"(?im)^\s*data\s?file\s*:", header):
        raise Unfit(ELSEWHERE.format(".nrrd"))
    named = re.search(rb"(?im)^(?:space )?units:(.*)", header)
    units = {unit.decode("utf-8", "replace") for unit in re.findall(rb'"([^"]+)"', named[1])} if named else set()
    return _read(path, "NrrdImageIO", "NRRD", units or {MM})


def read_mha(path: Path, dim: int | None) -> Decoded:
    """A MetaImage file whose values follow its header. Raises Unfit, or ValueError for what ITK cannot read."""
    named = re.search(rb"(?im)^\s*ElementDataFile\s*[=:][ \t]*([^\r\n]*)", _start(path))
    if named is None:
        raise Unfit("it has no header of MetaImage, which ends with ElementDataFile; save it again")
    if named[1].strip().upper() != b"LOCAL":
        raise Unfit(ELSEWHERE.format(".mha"))
    return _read(path, "MetaImageIO", "MetaImage")


def read_dicom(path: Path, dim: int | None) -> Decoded:
    """One file, which may hold several frames, or a folder, whose slices are ordered by where they lie. Raises
    Unfit, or ValueError for what ITK cannot read."""
    if not path.is_dir() and not is_dicom(path):
        raise Unfit("it is no DICOM file, as bytes 128 to 131 do not say DICM; save it again")
    return _read(path, "GDCMImageIO", "DICOM")


def is_dicom(path: Path) -> bool:
    """Whether a file's bytes say that it is one of DICOM."""
    at, mark = DICOM_MARK
    with path.open("rb") as file:
        return file.read(at + len(mark))[at:] == mark


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path))


def _read(path: Path, form: str, name: str, units: Collection[str] = (MM,)) -> Decoded:
    """What the process answers. form: ITK's name of the format's reader. name: for people. units: of space, without
    geometry where there are several."""
    if importlib.util.find_spec("SimpleITK") is None:
        raise Unfit(f"reading {name} needs SimpleITK; pip install SimpleITK, or this suite as '.[volumes]'")
    with tempfile.TemporaryDirectory() as folder:
        module = "target_signals.readers.itk_process"
        line = [sys.executable, "-m", module, os.path.abspath(path), form, folder, str(decoded.LARGEST)]
        try:  # what libraries below ITK print about a file goes nowhere
            ended = subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Unfit(f"SimpleITK has not read it within {PATIENCE} s; save it in another format") from error
        answer = Path(folder) / "answer.json"
        if not answer.exists():
            raise ValueError(f"SimpleITK ended with exit code {ended.returncode}")
        said = json.loads(answer.read_text())
        if "unfit" in said:
            raise Unfit(said["unfit"])
        if "error" in said:
            raise ValueError(said["error"])
        values = np.load(Path(folder) / "values.npy", allow_pickle=False)
    known = said["affine"] is not None and len(units) == 1
    geometry = Geometry.of(np.array(said["affine"]), *units) if known else None
    return _decoded(values, name, said["colours"], said["words"], geometry)


def _decoded(values: np.ndarray, name: str, colours: bool, words: list[str], geometry: Geometry | None) -> Decoded:
    """Values [*shape] or, of colours, [*shape, C], without axes of 1."""
    thick, dropped = without_thin_axes(values)
    words = [f"{name}, {values.dtype.name}", *words, *dropped]
    if not colours:
        return Decoded(thick, "image" if thick.ndim == 2 else "volume", None, words, geometry)
    words += ["alpha dropped"] * (thick.shape[-1] == 4)
    return Decoded(thick[..., :3], "image", white_of(thick[..., :3]), words, geometry)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_HEADER)
