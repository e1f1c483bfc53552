"""NumPy's .npy format from a stream, judged by its header before anything is allocated; never a pickle."""

import math
from collections.abc import Callable
from typing import IO

import numpy as np

from common.files import Unfit


def read_npy(file: IO[bytes], size: int, check: Callable[[tuple[int, ...], np.dtype], None]) -> np.ndarray:
    """The array of a .npy stream of `size` bytes, after `check` has seen its shape and type.

    Raises Unfit for what it cannot be, and whatever NumPy does for a damaged header.
    """
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise Unfit(f"its .npy version is {version}, which only holds structured types; save plain numbers")
    shape, _, dtype = readers[version](file)
    check(shape, dtype)
    if size - file.tell() < math.prod(shape) * dtype.itemsize:
        raise Unfit("it is truncated: it ends before its last value; copy or save it again")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
