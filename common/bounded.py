"""Files that may be anybody's, read whole up to a size: never a pipe that waits, never more than memory holds."""

import os
import stat
from pathlib import Path


class Unfit(ValueError):
    """Why a file was not read. Its text is the end of a message that begins with the file's name."""


def read_bounded(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file of at most `most` bytes. Raises Unfit, or OSError where it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait for its writer
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(21, "Is a directory", str(path))
        if not stat.S_ISREG(found.st_mode):
            raise Unfit("it is no regular file")
        if found.st_size > most:
            raise Unfit(f"it has {found.st_size:,} bytes and at most {most:,} are read")
        parts = []
        while part := os.read(descriptor, found.st_size + 1):  # a second time only where it grows or a signal came
            parts.append(part)
            if sum(map(len, parts)) > most:
                raise Unfit(f"it grows beyond {most:,} bytes while it is read")
        return b"".join(parts)
    finally:
        os.close(descriptor)
