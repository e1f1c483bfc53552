"""A user's TIFF file: pictures and stacks of any depth, through tifffile.

Pillow reads what tifffile leaves alone: colour models other than grey and RGB, and compressions that tifffile needs
another package for. A stack is one series, in however many pages it lies.
"""

import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from common.files import Unfit
from target_signals.geometry import Geometry
from target_signals.readers.compression import check_parts
from target_signals.readers.decoded import Decoded, check_size, check_type, quiet, white_of
from target_signals.readers.picture import read_picture

ORIENTATION = 274  # the tag that says which corner the first sample is of
NODATA = 42113  # GDAL's tag of the value that stands for none
TRANSPOSED = (5, 6, 7, 8)  # its values for pictures whose rows and columns are exchanged
MIRRORED = {
    2: (1,),
    3: (0, 1),
    4: (0,),
    6: (1,),
    7: (0, 1),
    8: (0,),
}  # and which of rows 0 and columns 1 run backward then
DEEPEST = 16  # bits of a sample whose largest whole number is white
ALPHA = (1, 2)  # what the tag of extra samples calls so
JPEG = ("JPEG", "OJPEG")
OF_PILLOW = (*JPEG, "LZW", "PACKBITS", "CCITTRLE", "CCITT_T4", "CCITT_T6")  # compressions it reads without more
PACKAGE = (
    "needs the package imagecodecs; pip install imagecodecs, or this suite as '.[codecs]', or save it uncompressed"
)


class OneFile(io.FileIO):
    """A file that seems to lie in memory: of those, tifffile opens no others that a header may name."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def read_tiff(path: Path, dim: int | None) -> Decoded:
    """Its axes are named by the format. Raises Unfit, or whatever tifffile and Pillow do for a damaged file."""
    import tifffile

    with quiet("tifffile"), OneFile(path) as stream, tifffile.TiffFile(stream) as file:
        series: Any = file.series[0]
        check_whole(file, series)
        page: Any = series.keyframe
        axes, shape = thick_axes(series.axes, series.shape)
        check_type(np.dtype(series.dtype))
        picture = len(axes.replace("S", "")) == 2
        colour = "unknown" if page.photometric is None else page.photometric.name
        eight_bits = series.dtype.itemsize == 1 and series.dtype.kind in "bu"
        if eight_bits and picture and (colour not in ("MINISBLACK", "RGB") or page.compression.name in JPEG):
            return read_picture(path)
        if colour not in ("MINISBLACK", "RGB"):
            raise Unfit(f"its colour model is {colour}; save it as grey or RGB")
        bands, words = taken_bands(page, shape[axes.index("S")] if "S" in axes else 1, colour)
        check_axes(axes, shape, bands)
        check_parts(series.pages)
        try:
            values = series.asarray().reshape(shape)
        except (ValueError, ImportError) as error:
            if not isinstance(error, ImportError) and "imagecodecs" not in str(error):
                raise
            if picture and page.compression.name in OF_PILLOW and (eight_bits or (bands == 1 and not words)):
                return read_picture(path)
            raise Unfit(f"its compression {page.compression.name} {PACKAGE}") from error
        if len(file.series) > 1:
            words.append(f"the first of {len(file.series)} series")
        words += missing_values(values, page)
        tag = page.tags.get(ORIENTATION)
        geometry = read_geometry(file, page, axes.replace("S", ""))
    if "S" in axes:
        values = np.moveaxis(values, axes.index("S"), -1)
        values = values[..., 0] if bands == 1 else values[..., :bands]
    turned = upright(values, 0 if picture else 1, tag.value if tag is not None else 1)
    if turned is not values:
        geometry = None  # files with sizes of pixels are not turned
        words.append("turned as its orientation tag says")
    if not picture:
        return Decoded(turned, "volume", None, [f"{len(turned)} pages of {turned.dtype.name}", *words], geometry)
    kind, bits = turned.dtype.kind, page.bitspersample  # of different ones tifffile makes whole bytes
    bits = bits if isinstance(bits, int) else 8 * turned.dtype.itemsize
    depth = f"{bits}-bit" if kind in "bu" and bits <= DEEPEST else turned.dtype.name
    peak = 2.0**bits - 1 if kind == "u" and bits <= DEEPEST else white_of(turned) if bands == 3 else None
    words.insert(0, f"{depth} {'RGB' if bands == 3 else 'grey'}")
    return Decoded(turned, "image", peak, words, geometry)


def check_whole(file: Any, series: Any) -> None:
    """Refuse a file that ends before its last page, and a series of which pages are not in it: tifffile leaves out the
    former and takes 0 for the latter."""
    file.filehandle.seek(file.pages.next_page_offset)
    (following,) = struct.unpack(file.tiff.offsetformat, file.filehandle.read(file.tiff.offsetsize))
    if following >= file.filehandle.size:
        raise Unfit("it is truncated: it ends before its last page; copy or save it again")
    absent = sum(page is None for page in series.pages)
    if absent and series.dataoffset is None:  # otherwise pages lie behind the first one
        raise Unfit(f"{absent} of its {len(series.pages)} pages are not in it; save all in one file")


def missing_values(values: np.ndarray, page: Any) -> list[str]:
    """A hint where some values are the number that stands for none, as GDAL writes it."""
    try:
        nodata = float(page.tags[NODATA].value)
    except (KeyError, ValueError, TypeError):
        return []
    with np.errstate(over="ignore"):
        count = int(np.count_nonzero(values == nodata))
    return [f"hint: {count:,} of its values are {nodata:g}, which it says are missing; fill them"] if count else []


def read_geometry(file: Any, page: Any, axes: str) -> Geometry | None:
    """Sizes of voxels as ImageJ and OME write them, for axes of the letters Z, Y and X."""
    if not set(axes) <= set("ZYX"):
        return None
    if file.is_imagej:
        said = file.imagej_metadata or {}
        sizes = {"Z": said.get("spacing", 1.0), "Y": page.tags.get("YResolution"), "X": page.tags.get("XResolution")}
        for letter in "YX":
            above, below = sizes[letter].value if sizes[letter] is not None else (1, 1)
            sizes[letter] = below / above if above else 0.0
        units = [str(said.get(f"{letter.lower()}unit", said.get("unit", ""))) for letter in axes]
        return Geometry.regular([float(sizes[letter]) for letter in axes], units)
    if file.is_ome:
        said = {"PhysicalSizeXUnit": "µm"}  # unless it says otherwise
        said |= dict(re.findall(r'\b(PhysicalSize[XYZ](?:Unit)?)="([^"<]{1,40})"', file.ome_metadata or ""))
        try:
            spacing = [float(said[f"PhysicalSize{letter}"]) for letter in axes]
        except (KeyError, ValueError):
            return None
        units = [said.get(f"PhysicalSize{letter}Unit", said["PhysicalSizeXUnit"]) for letter in axes]
        return Geometry.regular(spacing, units)
    return None


def thick_axes(axes: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """The letters and lengths of the axes that have more than one sample."""
    pairs = [(letter, n) for letter, n in zip(axes, shape, strict=True) if n != 1]
    return "".join(letter for letter, _ in pairs), tuple(n for _, n in pairs)


def taken_bands(page: Any, bands: int, colour: str) -> tuple[int, list[str]]:
    """How many of a page's bands are taken, 1 of grey or 3 of RGB, and what is dropped. Any others are refused."""
    wanted = 3 if colour == "RGB" else 1
    if bands == wanted:
        return wanted, []
    extra = [int(sample) for sample in page.extrasamples]
    if bands == wanted + 1 and extra and extra[0] in ALPHA:
        return wanted, ["alpha dropped"]
    if bands == wanted + 1 and wanted == 3:
        return wanted, ["a fourth band dropped"]
    raise Unfit(f"it has {bands} bands; save one of them as grey or three as RGB, each with or without alpha")


def check_axes(axes: str, shape: tuple[int, ...], bands: int) -> None:
    """Refuse what is neither an image nor a grey volume."""
    lattice = tuple(n for letter, n in zip(axes, shape, strict=True) if letter != "S")
    if "C" in axes:
        channels = f"it has {shape[axes.index('C')]} channels on pages of their own"
        raise Unfit(f"{channels}; save one, or three as RGB, or where they are slices all as axes ZYX")
    if len(lattice) == 3 and "S" in axes:
        raise Unfit(f"it has {lattice[0]} pages in colour; save one of them, or all in grey as a volume")
    if len(lattice) not in (2, 3):
        raise Unfit(f"it has axes {axes}, shape {shape}; give an image, or a grey volume of equal pages")
    check_size((*lattice, bands), len(lattice))


def upright(values: np.ndarray, first: int, orientation: int) -> np.ndarray:
    """Values turned and mirrored as TIFF's orientation says; `values` itself for 1. first: the axis of rows."""
    if orientation in TRANSPOSED:
        values = np.swapaxes(values, first, first + 1)
    mirrored = tuple(first + axis for axis in MIRRORED.get(orientation, ()))
    return np.flip(values, mirrored) if mirrored else values
