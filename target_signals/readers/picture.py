"""A user's photograph or drawing, through Pillow."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from common.files import Unfit
from target_signals.readers.decoded import Decoded, check_size

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "PPM", "TIFF")  # others, PostScript above all, may run programs
WORDS = {"1": "1-bit grey", "L": "8-bit grey", "F": "float grey", "I": "32-bit grey"}
ORIENTATION = 0x0112  # of EXIF
LONGEST_HEADER = 4096  # bytes of a PPM file's header and its comments
WHITE_IS_NAMED = (b"P2", b"P3", b"P5", b"P6")  # in these kinds of PPM files
PNG_DEPTH, PNG_COLOURS, GREY_AND_ALPHA = 24, 25, 4  # bytes of a PNG file, and one value of the second
ALPHA = {"LA": "L", "La": "L", "PA": "RGB", "RGBA": "RGB", "RGBa": "RGB", "RGBX": "RGB"}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A Pillow image of one of FORMATS and of a size that can be held: the one way in for every picture.

    Its header alone has been read, from a stream: given a path, Pillow maps an uncompressed TIFF file into memory
    without regard to its orientation. Raises Unfit, or whatever Pillow does for a damaged file.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")  # what matters is said in a `Decoded`'s words
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            picture = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            if begins_as_picture(path):
                raise
            raise Unfit(f"its content is of none of {', '.join(FORMATS)}; save it as one of them") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            limit = f"{Image.MAX_IMAGE_PIXELS or 0:,}"
            raise Unfit(
                f"it has more than {limit} pixels, Pillow's limit against bombs; give a smaller copy"
            ) from error
        with picture:
            check_size((picture.height, picture.width, 3), dim=2)
            yield picture


def begins_as_picture(path: Path) -> bool:
    """Whether a file's first bytes are those of one of FORMATS, so that what follows them must be damaged."""
    from PIL import Image

    with path.open("rb") as file:
        start = file.read(16)
    return any((accepts := Image.OPEN[name][1]) is not None and accepts(start) is True for name in FORMATS)


def read_picture(path: Path, dim: int | None = None) -> Decoded:
    """Grey [H, W] or colour [H, W, 3]. Raises Unfit, or whatever Pillow does for a damaged file."""
    with opened(path) as picture, path.open("rb") as file:
        start, words = file.read(LONGEST_HEADER), []
        if _bits(start, picture.format) > 8 and not picture.mode.startswith("I"):
            words.append("of 16 bits the upper 8 alone (a .tif file keeps all)")
            if picture.format == "PNG" and start[PNG_COLOURS] == GREY_AND_ALPHA:
                picture = picture.convert("LA")  # which Pillow gives as three equal colours
        return of_pillow(picture, words)


def of_pillow(picture: Any, words: list[str]) -> Decoded:
    """A Pillow image, upright. words: what there is to say of its file."""
    from PIL import ImageOps

    orientation, frames = picture.getexif().get(ORIENTATION, 1), getattr(picture, "n_frames", 1)
    turned = ImageOps.exif_transpose(picture)
    if orientation in range(2, 9):
        words.append("turned as its EXIF data say")
    if frames > 1:
        words.append(f"the first of {frames} frames")
    return _decoded(turned, picture.format or "", words)


def _decoded(picture: Any, file_format: str, words: list[str]) -> Decoded:
    mode = picture.mode
    if mode == "P":
        words.insert(0, "palette turned into colours")
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode in ALPHA:
        words.append("alpha dropped")
        picture = picture.convert(ALPHA[picture.mode])
    elif picture.mode not in ("RGB", "F") and picture.mode not in WORDS and not picture.mode.startswith("I;16"):
        words.append(f"{mode} turned into RGB")
        picture = picture.convert("RGB")
    values = np.asarray(picture)
    deep = picture.mode.startswith("I;16") or (picture.mode == "I" and file_format in ("PNG", "PPM"))
    if deep:
        return Decoded(values, "image", 65535.0, ["16-bit grey", *words])
    peak = None if picture.mode in "FI" else 1.0 if picture.mode == "1" else 255.0
    return Decoded(values, "image", peak, [WORDS.get(picture.mode, "8-bit RGB"), *words])


def _bits(start: bytes, file_format: str | None) -> int:
    """Of each sample in a PNG or PPM file, of which Pillow gives 8 in colours, by the file's first bytes. A PPM file
    names its white, the fourth word of its header."""
    if file_format == "PNG":
        return start[PNG_DEPTH]
    words = re.sub(rb"#[^\r\n]*", b"", start).split(maxsplit=4)
    white = words[3] if file_format == "PPM" and len(words) > 3 and words[0] in WHITE_IS_NAMED else b"255"
    return int(white).bit_length() if white.isdigit() else 8
