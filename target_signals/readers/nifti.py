"""A user's NIfTI volume, through nibabel: .nii and .nii.gz, whichever of them its content is."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from common.files import Unfit
from target_signals.geometry import Geometry
from target_signals.readers.array import check_array, without_thin_axes
from target_signals.readers.decoded import Decoded, quiet

KINDS = {struct.pack(order + "i", size): f"Nifti{n}Header" for n, size in ((1, 348), (2, 540)) for order in "<>"}
LONGEST_HEADER = 1 << 24  # bytes before a volume's values
GZIP = b"\x1f\x8b"


def read_nifti(path: Path, dim: int | None) -> Decoded:
    """Its axes are of space by the format, and so is one of three samples."""
    try:
        import nibabel
    except ImportError as error:
        raise Unfit("reading NIfTI needs nibabel; pip install nibabel, or this suite as '.[volumes]'") from error
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    with quiet("nibabel.global"), gzip.open(path) if packed else path.open("rb") as file:
        start = file.read(nibabel.Nifti2Header.sizeof_hdr)
        kind = KINDS.get(start[:4])
        if kind is None:
            raise Unfit("its first four bytes are not those of NIfTI; save it again")
        header = getattr(nibabel, kind)(start[: getattr(nibabel, kind).sizeof_hdr])  # extensions are left alone
        shape = tuple(int(n) for n in header.get_data_shape())
        check_array(shape, np.dtype(header.get_data_dtype()))
        if not 0 <= (offset := header.get_data_offset()) <= LONGEST_HEADER:
            raise Unfit(f"its values begin at byte {offset:.3g}, and at most {LONGEST_HEADER:,} are passed over")
        values, words = without_thin_axes(np.asarray(header.data_from_fileobj(file)).reshape(shape))
        file.read(1)  # at the end of a packed file, where its checksum is compared
        words = [values.dtype.name, *words]
        return Decoded(values, "image" if values.ndim == 2 else "volume", None, words, _geometry(header, shape))


def _geometry(header: Any, shape: tuple[int, ...]) -> Geometry | None:
    """Of the axes that have more than one sample. A header that says nonsense says nothing."""
    thick = [axis for axis, n in enumerate(shape) if n != 1]
    if max(thick) > 2:  # one is of time
        return None
    try:
        affine, unit = header.get_best_affine(), header.get_xyzt_units()[0]
    except (ValueError, KeyError, ArithmeticError):
        return None
    return Geometry.of(affine[:, [*thick, 3]], unit)
