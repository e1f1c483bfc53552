"""Whether the compressed parts of a TIFF file unpack to what their page holds, found out without holding them.

A few megabytes of deflated zeros are gigabytes, and a decoder that is not told what to expect makes them all.
"""

import contextlib
import importlib
import lzma
import math
import zlib
from collections.abc import Callable
from typing import Any

from common.files import Unfit
from target_signals.readers.decoded import LARGEST

WEBP = "WEBP"  # which is at most 16,383 samples wide and high
AT_ONCE = 1 << 20  # bytes unpacked and thrown away at a time
UNPACKERS: dict[str, Callable[[], Any]] = {
    "ADOBE_DEFLATE": zlib.decompressobj,
    "DEFLATE": zlib.decompressobj,
    "LZMA": lzma.LZMADecompressor,
}
with contextlib.suppress(ImportError):  # before Python 3.14, only imagecodecs unpacks it, which is told what to expect
    UNPACKERS["ZSTD"] = importlib.import_module("compression.zstd").ZstdDecompressor


def check_parts(pages: Any) -> None:
    """Unfit where a strip or tile of these tifffile pages unpacks to more than it has room for."""
    import tifffile

    for page in filter(None, pages):
        name = page.keyframe.compression.name
        if page.keyframe.compression in tifffile.TIFF.IMAGE_COMPRESSIONS and name != WEBP:
            raise Unfit(f"its compression {name} has parts with a size of their own; save it uncompressed")
        unpacker = UNPACKERS.get(name)
        part = math.prod(page.keyframe.chunks)
        if part > LARGEST:
            raise Unfit(f"its parts have {part:,} values and at most {LARGEST:,} are read; save it uncompressed")
        if unpacker is None:
            continue
        room = max(part * page.keyframe.dtype.itemsize, page.keyframe.nbytes)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            page.parent.filehandle.seek(offset)
            if unpacks_beyond(room, page.parent.filehandle.read(count), unpacker()):
                raise Unfit("its compressed parts unpack to more than its size; it may be a bomb, save it again")


def unpacks_beyond(room: int, data: bytes, unpacker: Any) -> bool:
    """Whether data give more than `room` bytes. Damaged ones are left to the decoder to name."""
    total = 0
    try:
        while total <= room:
            piece = unpacker.decompress(data, AT_ONCE)
            total += len(piece)
            data = getattr(unpacker, "unconsumed_tail", b"")  # LZMA keeps what is left to itself
            if not piece or unpacker.eof:
                break
    except (zlib.error, lzma.LZMAError):
        return False
    return total > room
