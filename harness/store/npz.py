"""Arrays of .npz files, which come from anybody: what each may be is judged before anything is allocated."""

import io
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from common.files import Unfit, damaged
from target_signals.readers.npy import read_npy

HEADERS = 4096  # bytes of a file beyond its values, at most
Check = Callable[[tuple[int, ...], np.dtype], None]  # raises ValueError for a shape and a type that cannot be


def read_arrays(content: bytes, checks: Mapping[str, Check]) -> list[np.ndarray]:
    """The arrays of these names, in order, once their checks have passed. Raises Unfit for a file that is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [_member(archive, f"{name}.npy", check) for name, check in checks.items()]
    except Unfit:
        raise
    except Exception as error:  # zipfile and NumPy raise anything for a damaged file
        raise damaged(error) from error


def _member(archive: zipfile.ZipFile, name: str, check: Check) -> np.ndarray:
    with archive.open(name) as file:
        return read_npy(file, archive.getinfo(name).file_size, check)
