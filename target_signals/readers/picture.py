"""A user's photograph or drawing, through Pillow."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from target_signals.readers.decoded import Decoded, Unusable, check_size

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "PPM", "TIFF")  # others, PostScript above all, may run programs
WORDS = {"1": "1-bit grey", "L": "8-bit grey", "F": "float grey", "I": "32-bit grey"}
ALPHA = {"LA": "L", "La": "L", "PA": "RGB", "RGBA": "RGB", "RGBa": "RGB", "RGBX": "RGB"}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A Pillow image of one of FORMATS and of a size that can be held: the one way in for every picture.

    Its header alone has been read. Raises Unusable, or whatever Pillow does for a damaged file.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters is said in a `Decoded`'s words
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            picture = Image.open(path, formats=FORMATS)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            limit = f"{Image.MAX_IMAGE_PIXELS or 0:,}"
            raise Unusable(
                f"it has more than {limit} pixels, Pillow's limit against bombs; give a smaller copy"
            ) from error
        with picture:
            check_size((picture.height, picture.width, 3), dim=2)
            yield picture


def read_picture(path: Path) -> Decoded:
    """Grey [H, W] or colour [H, W, 3]. Raises Unusable, or whatever Pillow does for a damaged file."""
    from PIL import ImageOps

    with opened(path) as picture:
        words = []
        frames = getattr(picture, "n_frames", 1)
        if _has_16_bits(path, picture) and not picture.mode.startswith("I"):
            words.append("of 16 bits the upper 8 alone")
        turned = ImageOps.exif_transpose(picture)
        if turned.size != picture.size or picture.getexif().get(0x0112, 1) != 1:
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


def _has_16_bits(path: Path, picture: Any) -> bool:
    """Whether a PNG has more bits than Pillow gives of colours: the depth is byte 24 of the file."""
    if picture.format != "PNG":
        return False
    with path.open("rb") as file:
        return file.read(25)[24:] == b"\x10"
