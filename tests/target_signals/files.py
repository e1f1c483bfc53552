"""Small pictures and volumes, as files too, and the one way in which tests read a file."""

import io
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from target_signals import user_file

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (9, 12), dtype=np.uint8)
GREY[0, :2] = 0, 255
RGB = RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 2**16, (9, 12), dtype=np.uint16)
VOLUME = RNG.normal(size=(5, 4, 6)).astype(np.float32)
FLOATS = RNG.normal(size=(9, 12)).astype(np.float32)


def nifti(array):
    nibabel = pytest.importorskip("nibabel")
    return nibabel.Nifti1Image(array, np.eye(4))


def load(path, length=None):
    """The signal, after what every signal must be."""
    signal = user_file.load_signal(path, length)
    assert signal.values.dtype == np.float32
    assert signal.values.flags.c_contiguous
    assert 0 <= signal.values.min() <= signal.values.max() <= 1
    assert signal.values.ndim == signal.dim + (signal.values.ndim > signal.dim)
    assert "\n" not in signal.source
    return signal


def scaled(values):
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape, descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def tiff(array, photometric="minisblack", **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric=photometric, **options)
    return file.getvalue()


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()
